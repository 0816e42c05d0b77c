"""The classic autoencoders by name: plain, wide - narrow - wide, without a rate term."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """One plain autoencoder and how it is trained; every signal is mapped to 0 .. 1.

    Attributes
    ----------
    latent_size : int
    latent_activation, output_activation : str
        Of the encoder's one layer, and of the decoder's: "identity", "relu", "elu" or "sigmoid".
    loss : str
        Mean over the elements: "mse" or "bce".
    epochs, batch_size : int
    learning_rate : float
        Of Adam.
    schedule : str
        "constant", or "cosine": half a cosine down to nothing (Loshchilov & Hutter 2017).
    """

    latent_size: int
    latent_activation: str
    output_activation: str
    loss: str
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    schedule: str = "constant"

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses that its output allows."""
        return ("mse", "bce") if self.output_activation == "sigmoid" else ("mse",)


PRESETS = {
    "dense-32": Preset(32, "relu", "sigmoid", "bce"),
    "dense-25": Preset(25, "elu", "elu", "mse"),
    "dense-25-best": Preset(
        25, "identity", "sigmoid", "mse", learning_rate=5e-3, schedule="cosine"
    ),
}
"""784 -> 32 -> 784 and 784 -> 25 -> 784, where 784 stands for the size of a frame."""
