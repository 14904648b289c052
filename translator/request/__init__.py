"""Dify request to wire request: pure converters, one file per noun."""
