"""What a text is and what it says: encodings, prose, words, languages."""
