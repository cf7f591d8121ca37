from __future__ import annotations

import numpy as np
import pytest

from kansym.comparison.methods.scaling import power_of_ten


@pytest.mark.parametrize(
    ("y", "scale"),
    [
        ([0.01], 1.0),
        ([-999.0, 1.0], 1.0),
        ([0.0, 0.0], 1.0),
        ([], 1.0),
        ([np.inf, 1.0], 1.0),
        ([0.0099], 1e-3),
        ([-2e5, 3.0], 1e5),
        ([6.6e-34], 1e-34),
        ([1e300], 1e300),
    ],
)
def test_power_of_ten(y, scale):
    assert power_of_ten(np.array(y, dtype=float)) == scale
