"""Perturbations of the paper's references [46]-[49], used instead of SPCG."""
