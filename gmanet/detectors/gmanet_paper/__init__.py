"""The paper's method as printed: ``detector=gmanet_paper``."""
