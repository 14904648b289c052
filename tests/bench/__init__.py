"""What the plugin costs, room by room: `python -m tests.bench`. Not collected by pytest: figures depend on the machine."""
