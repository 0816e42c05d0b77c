"""`narrows.sklearn.Autoencoder`: a codec's encoder and decoder as a scikit-learn transformer."""

from narrows.integrations.sklearn import Autoencoder

__all__ = ["Autoencoder"]
