"""What a server is, and what is wrong with it."""
