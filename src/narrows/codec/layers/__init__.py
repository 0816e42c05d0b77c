"""The layers of an exact integer network, one small class a kind."""

from narrows.codec.layers.activations import MAX_TABLE_ENTRIES, LeakyReLU, ReLU, Table
from narrows.codec.layers.affine import MAX_SHIFT, Affine
from narrows.codec.layers.chain import build_layers, describe, name_tensors
from narrows.codec.layers.contract import Layer, Settings, Shape, Step, Tensors
from narrows.codec.layers.convolution import Conv
from narrows.codec.layers.dense import Dense
from narrows.codec.layers.kinds import KINDS
from narrows.codec.layers.residual import Residual
from narrows.codec.layers.shapes import Reshape
from narrows.codec.layers.transposed import TransposedConv

__all__ = [
    "KINDS",
    "MAX_SHIFT",
    "MAX_TABLE_ENTRIES",
    "Affine",
    "Conv",
    "Dense",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Reshape",
    "Residual",
    "Settings",
    "Shape",
    "Step",
    "Table",
    "Tensors",
    "TransposedConv",
    "build_layers",
    "describe",
    "name_tensors",
]
