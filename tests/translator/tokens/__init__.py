"""Tests of `translator/tokens/`."""
