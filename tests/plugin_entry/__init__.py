"""Tests of the plugin, in its own folders."""
