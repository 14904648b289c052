"""Pictures, sounds and links in messages."""
