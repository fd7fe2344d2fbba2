"""The learning rate falls as it should, and a run knows when to stop."""

import pytest

from lodbrain_cli.training.schedules import cosine_rate, epochs_without_better, plateau_rate


def test_a_cosine_falls_from_first_to_last():
    rates = [cosine_rate(step, 10, 1e-3, 1e-5) for step in range(11)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates[10] == pytest.approx(1e-5)
    assert rates[5] == pytest.approx((1e-3 + 1e-5) / 2)
    assert rates == sorted(rates, reverse=True)


def test_a_plateau_lowers_the_rate_after_the_patience_and_begins_to_count_anew():
    options = {"factor": 0.25, "patience": 2}
    assert plateau_rate([], 1.0, 0.01, **options) == 1.0
    assert plateau_rate([0.5, 0.4], 1.0, 0.01, **options) == 1.0
    assert plateau_rate([0.5, 0.4, 0.5], 1.0, 0.01, **options) == 0.25
    assert plateau_rate([0.5, 0.4, 0.5, 0.4], 1.0, 0.01, **options) == 0.25
    assert plateau_rate([0.5, 0.4, 0.5, 0.6, 0.5, 0.5], 1.0, 0.01, **options) == 0.0625
    assert plateau_rate([0.5] * 99, 1.0, 0.01, **options) == 0.01


def test_epochs_are_counted_from_the_best():
    assert epochs_without_better([]) == 0
    assert epochs_without_better([0.1, 0.2]) == 0
    assert epochs_without_better([0.2, 0.1, 0.2]) == 2
