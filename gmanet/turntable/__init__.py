"""Reconstruction of one cloud from many partial views (the paper, Section III C)."""
