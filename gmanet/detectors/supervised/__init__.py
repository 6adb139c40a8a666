"""Supervised segmentation of defects (Table X): eight networks that learn from labeled clouds."""
