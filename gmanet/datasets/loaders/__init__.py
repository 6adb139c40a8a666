"""Data sets on disk: one file a layout, one table of them in ``datasets.catalog``."""
