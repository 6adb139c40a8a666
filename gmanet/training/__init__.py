"""Everything that Lightning needs to fit."""
