"""Samples as every search and every judge sees them, made once at the door."""
