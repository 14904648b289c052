"""Tests of `translator/schema/`."""
