"""Cleaning of raw scans: removal of outliers and of the table below a part, thinning."""
