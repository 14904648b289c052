"""The plugin's package: its files, the archive, and the checks of Dify's daemon and marketplace."""
