"""Tests of `plugin_entry/network/`."""
