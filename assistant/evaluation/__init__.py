"""Measure answers on questions with known answers."""
