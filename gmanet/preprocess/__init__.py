"""Preprocessing: what is done to a whole cloud before anything looks at it."""
