"""Decide which requests reach the application."""
