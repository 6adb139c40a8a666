"""Where clouds come from, and how they reach a detector."""
