"""Perturbations of the paper's references [46]-[49] in the place of SPCG."""
