"""The one model type of the plain plugin."""
