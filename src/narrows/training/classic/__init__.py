"""The classic autoencoders of the presets: plain reconstruction losses, no rate."""
