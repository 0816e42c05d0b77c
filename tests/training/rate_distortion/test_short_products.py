"""Products of bfloat16 while networks learn: where they are made, and what they leave exact."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.architectures.conv import conv
from narrows.training.rate_distortion.density import FactorisedDensity
from narrows.training.rate_distortion.objective import Objective
from narrows.training.rate_distortion.optimisers import orthogonalised
from narrows.training.torch_modes import MIN_PRODUCTS, short_products

CPU = torch.device("cpu")


@pytest.fixture(params=["avx512_bf16", "amx_bf16"])
def with_instructions(request, monkeypatch):
    """A processor that multiplies bfloat16; torch computes the same without, more slowly."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {request.param: True}, raising=False)


def made_of(factor):
    """Return the dtype that two matrices of float32 are multiplied to."""
    with short_products(CPU, factor):
        return (torch.ones(2, 3) @ torch.ones(3, 2)).dtype


def test_many_products_are_short_where_the_processor_has_instructions(with_instructions):
    assert made_of(MIN_PRODUCTS) == torch.bfloat16
    assert made_of(MIN_PRODUCTS - 1) == torch.float32


@pytest.mark.parametrize("told", [dict, lambda: {"avx2": True, "avx512_bf16": False}])
def test_other_processors_multiply_float32(told, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", told, raising=False)
    assert made_of(10 * MIN_PRODUCTS) == torch.float32


def test_an_older_torch_multiplies_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert made_of(10 * MIN_PRODUCTS) == torch.float32


def test_large_matrices_are_orthogonalised_as_well(with_instructions):
    matrix = torch.randn(200, 700, generator=torch.Generator().manual_seed(3))
    found = orthogonalised(matrix)
    assert found.dtype == torch.float32
    values = torch.linalg.svdvals(found)
    assert ((values > 0.6) & (values < 1.3)).all()


def test_an_update_is_near_that_of_float32_and_validation_is_it(with_instructions, monkeypatch):
    generator = torch.Generator().manual_seed(4)
    networks = conv((28, 28), 8, generator, sigmoid_output=False, decoder="default")
    model = Autoencoder(*networks, Scaling(0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, integer=False), 1.0)
    objective = Objective(model, FactorisedDensity(8), "mse")
    x = torch.rand((128, 28, 28), generator=generator)
    noise = torch.rand((128, 8), generator=generator) - 0.5

    def gradients():
        model.zero_grad()
        objective(x, noise).loss(1.0).backward()
        return torch.cat([each.grad.flatten() for each in model.parameters()])

    short, short_validation = gradients(), objective(x).loss(1.0)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    full = gradients()
    assert 0.0 < (short - full).norm() < 0.05 * full.norm()
    assert short_validation == objective(x).loss(1.0)
