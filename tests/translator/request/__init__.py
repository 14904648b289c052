"""Tests of `translator/request/`."""
