"""Searches for nearest points, faster than a KD-tree where points are even."""
