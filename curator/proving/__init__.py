"""What every rule is held to, by its own examples; rules of one's own on trial."""
