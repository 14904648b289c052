"""Tests of `plugin_entry/serving/`."""
