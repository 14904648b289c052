"""What became of every line of a reply, as text, JSON or a page."""
