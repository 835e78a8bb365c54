"""Read the bytes of a file into blocks, one module a format."""
