"""IMRNet: iterative masked reconstruction."""
