"""Servers that speak as tests want them to."""
