"""Tests of `translator/media/`."""
