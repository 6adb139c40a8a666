"""Point and object figures."""
