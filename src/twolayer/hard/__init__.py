"""Planted instances that defeat every efficient learner, or every gradient method: one construction, one file."""
