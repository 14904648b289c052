"""Tests of `translator/tokens`."""
