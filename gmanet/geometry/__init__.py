"""Pure functions on points, independent of learning and files."""
