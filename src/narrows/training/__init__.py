"""Training: signals to a float autoencoder to a frozen codec. Needs torch, the extra `train`."""
