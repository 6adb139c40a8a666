"""Scores stored, measured and drawn."""
