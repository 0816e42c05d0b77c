"""Pictures shifted by a pixel in training: which they are, and what they become."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

import narrows
from narrows.training.augmentation import LEAST_EPOCHS, SHIFTS, augments, shifted
from narrows.training.settings import TrainingSettings


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_each_picture_is_one_of_its_nine_neighbours_with_its_edge_repeated(shape):
    x = torch.randn(200, *shape, generator=seeded())
    flat = x.reshape(200, 5, 7, -1)
    rows = [torch.arange(down - 1, down + 4).clamp(0, 4) for down, _ in SHIFTS]
    columns = [torch.arange(right - 1, right + 6).clamp(0, 6) for _, right in SHIFTS]
    possible = torch.stack([flat[:, r][:, :, c] for r, c in zip(rows, columns, strict=True)])
    result = shifted(x, seeded(1))
    assert result.shape == x.shape
    same = (possible.reshape(9, 200, *shape) == result).flatten(2).all(2)
    assert (same.sum(0) == 1).all()
    assert (same.sum(1) > 5).all()


def test_the_same_generator_gives_the_same_shifts():
    x = torch.randn(50, 5, 7, generator=seeded())
    assert torch.equal(shifted(x, seeded(3)), shifted(x, seeded(3)))
    assert not torch.equal(shifted(x, seeded(3)), shifted(x, seeded(4)))


@pytest.mark.parametrize(
    ("architecture", "epochs", "augment", "frame_shape", "expected"),
    [
        ("conv", LEAST_EPOCHS, True, (28, 28), True),
        ("conv", LEAST_EPOCHS, True, (28, 28, 3), True),
        ("conv", LEAST_EPOCHS - 1, True, (28, 28), False),
        ("conv", LEAST_EPOCHS, False, (28, 28), False),
        ("dense", LEAST_EPOCHS, True, (28, 28), False),
        ("conv", LEAST_EPOCHS, True, (256, 2), False),
        ("conv", LEAST_EPOCHS, True, (8, 8, 8), False),
    ],
)
def test_only_long_runs_of_convolutions_over_pictures_shift(
    architecture, epochs, augment, frame_shape, expected
):
    settings = TrainingSettings(architecture=architecture, epochs=epochs, augment=augment)
    assert augments(settings, settings.plan(1000), frame_shape) is expected


def test_pictures_are_shifted_unless_told_otherwise(digits):
    settings = {"architecture": "conv", "latent_size": 4, "batch_size": 32}
    settings["epochs"] = LEAST_EPOCHS
    ids = {narrows.train(digits[:80], **settings, augment=a).model_id for a in (True, False)}
    assert len(ids) == 2
    settings["epochs"] = LEAST_EPOCHS - 1
    shown = [narrows.train(digits[:80], **settings, augment=a) for a in (True, False)]
    assert [c.model.training["history"][-1]["loss"] for c in shown] == [
        shown[0].model.training["history"][-1]["loss"]
    ] * 2
