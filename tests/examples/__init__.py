"""The example programs of the library."""
