"""The provider of the plain plugin."""
