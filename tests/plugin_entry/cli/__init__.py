"""Tests of `plugin_entry/cli/`."""
