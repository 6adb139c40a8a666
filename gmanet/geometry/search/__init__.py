"""Nearest-neighbor searches, faster than a KD-tree where points are evenly spaced."""
