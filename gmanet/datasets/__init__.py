"""Data sets of clouds: folders, published layouts and the procedural data set."""
