"""The surface that registered normal clouds have in common, and how much they differ from it."""
