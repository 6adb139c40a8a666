"""Many partial views become one cloud (the paper, Section III C)."""
