"""Convolutions on occupied voxels only: coordinates, kernel maps, and layers over them."""
