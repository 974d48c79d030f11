"""Private data in texts: what it is and where it stands, how it is masked, and what may take its place."""
