"""Ollama's side of the process: connections, downloads, retries."""
