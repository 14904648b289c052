"""Reranking: requests, replies, and the jobs that join them."""
