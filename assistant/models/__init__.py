"""The types that modules pass to each other."""
