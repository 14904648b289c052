"""Bytes from the server to Dify chunks: framing, decoding, the state machine and what it puts out."""
