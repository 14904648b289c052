"""The nouns of the translation: what Dify means, what Ollama spells, and what happens in between. Data only, no logic."""
