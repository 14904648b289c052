"""Ollama's own reading of requests, as a double."""
