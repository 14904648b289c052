"""Those who read our chunks inside Dify: its own code where it is installed, small re-statements of it elsewhere."""
