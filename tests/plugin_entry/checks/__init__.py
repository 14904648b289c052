"""Tests of `plugin_entry/checks/`."""
