"""One thin source module per model type, as Dify's SDK loads them: language models, text embeddings, reranking."""
