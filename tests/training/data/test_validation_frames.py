"""Which validation frames are looked at after an epoch."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

from narrows.training.choices import MAX_VALIDATED, MAX_VALIDATED_OF_SEVERAL
from narrows.training.data.frames import spread_over
from narrows.training.plan import plan_of


@pytest.mark.parametrize(
    ("options", "most"), [({}, MAX_VALIDATED), ({"qualities": 3}, MAX_VALIDATED_OF_SEVERAL)]
)
def test_they_are_spread_over_all_of_them(options, most):
    plan = plan_of(options, (90, 64), np.uint8)
    x = torch.arange(3 * most + 7)
    seen = spread_over(x, plan.max_validated)
    assert len(seen) == most
    assert set((seen[1:] - seen[:-1]).tolist()) == {3, 4}
    assert (int(seen[0]), int(seen[-1]) >= 3 * most) == (0, True)
    few = torch.arange(most - 1)
    assert torch.equal(spread_over(few, plan.max_validated), few)


def test_with_a_preset_all_count():
    x = torch.arange(3 * MAX_VALIDATED)
    plan = plan_of({"preset": "dense-25"}, (90, 64), np.uint8)
    assert torch.equal(spread_over(x, plan.max_validated), x)
