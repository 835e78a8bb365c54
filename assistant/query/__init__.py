"""Understand a question."""
