"""Training the networks that predict elements from those of coarser levels."""
