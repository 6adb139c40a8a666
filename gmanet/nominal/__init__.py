"""The nominal shape of a part, a CAD mesh or the mean of good scans, and deviations from it."""
