"""Whether scores differ between groups of people."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .scoring import ClassScore
from .summary import MEAN_OF_CLASSES, class_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GroupSummary", "Grouping", "compare_groups", "rank_test"]

#: Groups of fewer people are described and drawn, and not tested.
SMALLEST_TESTED = 5


@dataclass(frozen=True)
class Grouping:
    """The groups that a column makes of the pairs.

    Parameters
    ----------
    column : str
    groups : mapping of str to tuple of str
        Names of pairs, by group.
    """

    column: str
    groups: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class GroupSummary:
    """Dice of one class in one group.

    Parameters
    ----------
    column, group : str
    index : int or None
        Label; None for the mean of the classes.
    name : str
    n : int
        Pairs in which Dice is defined.
    median, q1, q3 : float
        NaN when n is 0.
    test : str
        "Mann-Whitney U" of two groups, "Kruskal-Wallis" of more, "" of fewer:
        of all groups of the column with at least 5 pairs.
    statistic, p : float
        Of the test, the same in all rows of a column and class; two-sided, not
        corrected for the number of tests. NaN without a test.
    """

    column: str
    group: str
    index: int | None
    name: str
    n: int
    median: float
    q1: float
    q3: float
    test: str
    statistic: float
    p: float


def compare_groups(
    grouping: Grouping, scores: Mapping[str, Sequence[ClassScore]]
) -> tuple[GroupSummary, ...]:
    """Describe and test the Dice coefficients of groups of pairs.

    Parameters
    ----------
    grouping : Grouping
    scores : mapping of str to sequence of ClassScore
        By pair; not empty.

    Returns
    -------
    tuple of GroupSummary
        The mean of the classes first, then class by class.
    """
    pairs = list(scores)
    means = dict(zip(pairs, class_means(list(scores.values()), "dice"), strict=True))
    rows = list(_described(grouping, None, MEAN_OF_CLASSES, means))
    for place, label in enumerate(scores[pairs[0]]):
        of_class = {pair: score[place].dice for pair, score in scores.items()}
        rows += _described(grouping, label.index, label.name, of_class)
    return tuple(rows)


def _described(
    grouping: Grouping, index: int | None, name: str, dice: Mapping[str, float]
) -> list[GroupSummary]:
    samples = {}
    for group, pairs in grouping.groups.items():
        values = np.array([dice[pair] for pair in pairs if pair in dice], float)
        samples[group] = values[~np.isnan(values)]
    test, statistic, p = rank_test(list(samples.values()))
    nan = (math.nan,) * 3
    rows = []
    for group, values in samples.items():
        q1, median, q3 = np.percentile(values, [25, 50, 75]) if len(values) else nan
        described = (len(values), float(median), float(q1), float(q3))
        rows.append(
            GroupSummary(grouping.column, group, index, name, *described, test, statistic, p)
        )
    return rows


def rank_test(samples: "Sequence[NDArray[np.float64]]") -> tuple[str, float, float]:
    """Test by ranks whether samples come from one distribution.

    Parameters
    ----------
    samples : sequence of (n,) float64 arrays
        Those with fewer than 5 values take no part: the chi-square
        approximation does not hold there.

    Returns
    -------
    test : str
        "Mann-Whitney U", "Kruskal-Wallis", or "" when fewer than two take part.
    statistic, p : float
        NaN without a test, and when all values are equal.
    """
    from scipy import stats  # half a second that tables of one pair do without

    large = [sample for sample in samples if len(sample) >= SMALLEST_TESTED]
    if len(large) < 2:
        return "", math.nan, math.nan
    test = "Mann-Whitney U" if len(large) == 2 else "Kruskal-Wallis"
    if np.ptp(np.concatenate(large)) == 0:
        return test, math.nan, math.nan
    result = stats.mannwhitneyu(*large) if len(large) == 2 else stats.kruskal(*large)
    return test, float(result.statistic), float(result.pvalue)
