"""Tests: one file per module, replay of recordings, properties, structure, and the plugin driven as Dify drives it."""
