"""Tests of `translator/diagnosis/`."""
