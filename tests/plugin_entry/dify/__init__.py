"""Tests of `plugin_entry/dify/`."""
