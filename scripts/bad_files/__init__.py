"""Golden files with one fault each."""
