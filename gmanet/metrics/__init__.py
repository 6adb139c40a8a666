"""Metrics of point and object scores."""
