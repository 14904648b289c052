"""Tests of `translator/failures/`."""
