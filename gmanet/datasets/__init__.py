"""Where clouds come from: folders, published layouts and the procedural data set."""
