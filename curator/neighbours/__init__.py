"""The neighbour graph: rows alike found by what they leave behind, every edge verified."""
