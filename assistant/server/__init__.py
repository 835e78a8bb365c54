"""Serve a guide over HTTP."""
