"""Dify's side of the process: its requests, our frames, its SDK."""
