"""Tests of `translator/embedding/`."""
