"""Simulated scans of a CAD mesh, with the noise, density and sides of one real scan."""
