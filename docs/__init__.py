"""The manual. Pages that can be derived from the code are: `uv run python docs/generate.py` writes them, a test keeps them true."""
