"""The demo: what the plugin does, scene by scene."""
