"""What Dify reads of the provider: the form of a model's credentials (`ollama.yaml`) and the class that goes with it."""
