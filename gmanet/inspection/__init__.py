"""Inspection of scans: which files, what was found about each, the outputs, tables of all."""
