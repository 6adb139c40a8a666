"""Pure functions on points; nothing here knows of learning or files."""
