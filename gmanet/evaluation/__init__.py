"""Predictions as files, figures measured from them, tables and pictures."""
