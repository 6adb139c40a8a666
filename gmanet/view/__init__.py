"""Clouds as pictures."""
