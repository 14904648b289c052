"""Tests of `translator/response/`."""
