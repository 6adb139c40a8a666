"""R3D-AD: reconstruction by diffusion."""
