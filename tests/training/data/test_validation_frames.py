"""Which validation frames are looked at after an epoch."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

from narrows.training.classic.presets import training_settings
from narrows.training.data.frames import OF_SEVERAL, VALIDATED, validated_frames


@pytest.mark.parametrize(("options", "most"), [({}, VALIDATED), ({"qualities": 3}, OF_SEVERAL)])
def test_they_are_spread_over_all_of_them(options, most):
    settings, x = training_settings(**options), torch.arange(3 * most + 7)
    seen = validated_frames(x, settings)
    assert len(seen) == most
    assert set((seen[1:] - seen[:-1]).tolist()) == {3, 4}
    assert (int(seen[0]), int(seen[-1]) >= 3 * most) == (0, True)
    few = torch.arange(most - 1)
    assert torch.equal(validated_frames(few, settings), few)


def test_with_a_preset_all_count():
    x = torch.arange(3 * VALIDATED)
    assert torch.equal(validated_frames(x, training_settings("dense-25")), x)
