"""What a person is told of a verdict."""

import pytest

from lodbrain_cli.quality import Quality
from lodbrain_cli.quality.verdict import Item
from lodbrain_cli.segmentation.judging import distrust


def verdict(mark):
    return Quality((Item("noise", 95.0, "little noise"), Item("head", mark, "no head found")))


@pytest.mark.parametrize(("mark", "what"), [(0.0, "not to be trusted"), (50.0, "to be looked at")])
def test_a_reason_is_said_once(mark, what):
    (alone,) = distrust(verdict(mark))
    assert alone == f"the result is {what} (score {mark:.0f} of 100): no head found"
    (after,) = distrust(verdict(mark), ["thick slices", "no head found"])
    assert after == f"the result is {what} (score {mark:.0f} of 100)"


def test_what_passed_or_was_not_judged_is_no_warning():
    assert distrust(verdict(90.0)) == []
    assert distrust(None) == []
