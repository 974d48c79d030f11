"""Train, valid and test files: what must stay together, what is drawn, the proof."""
