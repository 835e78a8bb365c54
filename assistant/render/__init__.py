"""Render answers and pages, one module an output format."""
