"""Outliers, density and the table below a part: what is taken off a raw scan."""
