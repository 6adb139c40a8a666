"""Loaders of published data sets, one module per layout; ``datasets.catalog`` has their table."""
