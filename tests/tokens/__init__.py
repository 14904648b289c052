"""Fitting the token estimate to real vocabularies, and judging it."""
