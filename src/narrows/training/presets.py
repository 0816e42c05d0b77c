"""The classic autoencoders by name: plain, wide - narrow - wide, without a rate term."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """One plain autoencoder and how it is trained; every signal is mapped to 0 .. 1."""

    latent_size: int
    latent_activation: str  # of the encoder's one layer: "identity", "relu", "elu" or "sigmoid"
    output_activation: str  # of the decoder's
    loss: str  # mean over the elements: "mse" or "bce"
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3  # of Adam
    schedule: str = "constant"  # or "cosine", half of one to 0 (Loshchilov & Hutter 2017)

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
