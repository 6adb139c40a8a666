"""One cloud registered on a reference of the same part, the same way on every run."""
