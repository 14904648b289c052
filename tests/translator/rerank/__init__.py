"""Tests of `translator/rerank/`."""
