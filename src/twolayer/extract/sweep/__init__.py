"""Piecewise linear boxes taken apart along one line, at about one question a parameter."""
