"""The layers of an exact integer network, one small class a kind."""

from narrows.codec.networks.backend import Shape
from narrows.codec.networks.layers.activations import (
    MAX_TABLE_ENTRIES,
    Activation,
    LeakyReLU,
    ReLU,
    Reshape,
    Table,
)
from narrows.codec.networks.layers.affine import MAX_SHIFT, Affine, Dense
from narrows.codec.networks.layers.contract import Layer, Settings, Step, Tensors
from narrows.codec.networks.layers.convolution import Conv, TransposedConv
from narrows.codec.networks.layers.parallel import KINDS, Parallel
from narrows.codec.networks.layers.residual import Residual

__all__ = [
    "KINDS",
    "MAX_SHIFT",
    "MAX_TABLE_ENTRIES",
    "Activation",
    "Affine",
    "Conv",
    "Dense",
    "Layer",
    "LeakyReLU",
    "Parallel",
    "ReLU",
    "Reshape",
    "Residual",
    "Settings",
    "Shape",
    "Step",
    "Table",
    "Tensors",
    "TransposedConv",
]
