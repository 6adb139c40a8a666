"""A run's configuration: what is typed, what files say, which keys there are."""
