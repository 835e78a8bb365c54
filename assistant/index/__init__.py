"""The index on disk: build, update, open and search it."""
