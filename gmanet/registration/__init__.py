"""Registration: one cloud on a reference cloud of the same part, the same way on every run."""
