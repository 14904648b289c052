"""Tests of `plugin_entry/provider/`."""
