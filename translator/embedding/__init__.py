"""Embeddings: requests, replies, and the job that joins them."""
