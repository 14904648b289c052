"""What a request becomes: chat, embeddings, reranking."""
