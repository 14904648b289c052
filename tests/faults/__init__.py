"""The fault matrix: what a server or a network can do wrong, and what a user of Dify gets for it, cell by cell."""
