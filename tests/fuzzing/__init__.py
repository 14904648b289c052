"""Fuzzing: random bytes and damaged recordings through everything that reads what a server sent."""
