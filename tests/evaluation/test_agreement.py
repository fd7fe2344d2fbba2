"""Intraclass correlations against published numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.evaluation.agreement import intraclass_correlation

# Shrout and Fleiss, Psychological Bulletin 86 (1979), table 2: six people, four judges.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_the_numbers_of_shrout_and_fleiss_come_out():
    agreement, consistency = intraclass_correlation(SHROUT_FLEISS)
    assert agreement == pytest.approx(0.29, abs=0.005)
    assert consistency == pytest.approx(0.71, abs=0.005)


@given(shift=st.floats(1, 1e5), scale=st.floats(1, 1e6))
def test_a_constant_difference_lowers_agreement_alone(shift, scale):
    volumes = np.array([10.0, 12.5, 9.1, 14.2, 11.3]) * scale
    pair = np.stack([volumes, volumes + shift * scale / 1e5], axis=1)
    agreement, consistency = intraclass_correlation(pair)
    assert consistency == pytest.approx(1)
    assert agreement < 1
    same = np.stack([volumes, volumes], axis=1)
    assert intraclass_correlation(same) == pytest.approx((1, 1))


def test_large_volumes_keep_their_digits():
    small = SHROUT_FLEISS[:, :2]
    assert intraclass_correlation(small + 1e7) == pytest.approx(intraclass_correlation(small))


def test_one_person_or_no_variance_has_no_correlation():
    assert np.isnan(intraclass_correlation(np.ones((1, 2)))).all()
    assert np.isnan(intraclass_correlation(np.ones((5, 2)))).all()
