"""How often resamples of the rows select each formula of a front."""

import numpy as np
import pytest

from kansym.discovery.budget import Budget
from kansym.discovery.confidence import assess_confidence
from kansym.library import default_library
from kansym.symbolic.constants import refit
from kansym.symbolic.front import Formula, HallOfFame, select
from kansym.symbolic.rows import Rows


def front_of(noise):
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 2, 80)
    rows = Rows.from_arrays(x[:, None], 1.3 * x + 0.05 * x**2 + noise * generator.normal(size=80))
    (u,) = rows.variables
    hall = HallOfFame(rows.variance, len(rows))
    for start in (1.1 * u**0, 1.1 * u, 1.1 * u + 0.2 * u**2):
        hall = hall.add(Formula.from_fit(refit(start, rows), rows.variance))
    return hall.front(), rows


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1])
def test_shares_are_of_all_resamples_and_the_selected_ones_is_the_agreement(noise):
    front, rows = front_of(noise)
    found = assess_confidence(front, rows, default_library(), 0, Budget(None))
    assert len(found.shares) == len(front) > 1
    assert sum(found.shares) == pytest.approx(1.0)
    assert found.shares[select(front)] == found.agreement
    assert found.resamples == 20


def test_an_exact_formula_needs_no_resamples():
    front, rows = front_of(0.0)
    found = assess_confidence(front, rows, default_library(), 0, Budget(None))
    assert found.exact
    assert found.resamples == 0
    assert found.shares == tuple(float(place == select(front)) for place in range(len(front)))


def test_without_time_there_are_no_shares():
    front, rows = front_of(0.05)
    found = assess_confidence(front, rows, default_library(), 0, Budget(None, 0))
    assert found.shares == ()
    assert np.isnan(found.agreement)
