"""Encode texts as unit vectors."""
