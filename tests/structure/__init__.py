"""What holds for the code and the documents as a whole, read from their text."""
