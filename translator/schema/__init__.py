"""Tool and answer schemas, and the grammar a server makes of them."""
