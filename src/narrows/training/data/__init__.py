"""The signals that are trained on: split, scaled, augmented, corrupted."""
