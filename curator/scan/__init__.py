"""One pass over the set: spans to findings, spread over processors, kept on disk, told again."""
