"""Tests of `translator/settings/`."""
