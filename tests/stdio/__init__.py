"""The plugin as a process, as Dify runs it."""
