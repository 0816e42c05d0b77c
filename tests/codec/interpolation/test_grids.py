"""Numbers to elements: also where what comes of it is no finite number."""

import numpy as np
import pytest

from narrows.codec.interpolation.grid import LARGEST, Scaled


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("unit", [1e-300, 0.5, 1e300, np.inf])
def test_any_number_becomes_some_float_without_a_warning(dtype, unit):
    numbers = np.array([0, 3, -LARGEST, LARGEST])
    values = Scaled(1.5, unit).values(numbers, np.dtype(dtype))
    assert values.dtype == dtype
    if unit == 0.5:
        assert values[:2].tolist() == [1.5, 3.0]
