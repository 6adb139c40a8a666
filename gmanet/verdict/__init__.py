"""From a score to a verdict: limit, p-value, checks of the scan, smallest defect that is found."""
