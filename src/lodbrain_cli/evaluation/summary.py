"""Many pairs in few numbers: per class and measure, and for the mean of the classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .agreement import intraclass_correlation
from .scoring import ClassScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MEAN_OF_CLASSES", "Summary", "class_means", "summarise"]

#: Name of the rows that hold means over a pair's classes.
MEAN_OF_CLASSES = "Mean of classes"

_OF_MEANS = ("dice", "jaccard", "hd95_mm", "assd_mm")
_SIGNED = ("volume_difference_mm3", "volume_difference_percent")


@dataclass(frozen=True)
class Summary:
    """One measure of one class over all pairs.

    Parameters
    ----------
    index : int or None
        Label; None for the mean of the classes.
    name, measure : str
    n : int
        Pairs with a value.
    undefined : int
        Pairs without one; they are in no statistic.
    mean, sd, median, q1, q3 : float
        Standard deviation with n - 1; quartiles interpolated linearly. NaN
        where there are too few values.
    icc_a1, icc_c1 : float
        Of predicted and reference volumes, in the rows of ``volume_mm3`` (see
        :func:`~lodbrain_cli.evaluation.agreement.intraclass_correlation`); else NaN.
    """

    index: int | None
    name: str
    measure: str
    n: int
    undefined: int
    mean: float
    sd: float
    median: float
    q1: float
    q3: float
    icc_a1: float = float("nan")
    icc_c1: float = float("nan")


def summarise(pairs: Sequence[Sequence[ClassScore]]) -> tuple[Summary, ...]:
    """Summarise the scores of pairs.

    Parameters
    ----------
    pairs : sequence of sequences of ClassScore
        Not empty; the same classes in each.

    Returns
    -------
    tuple of Summary
        Class by class; of differences of volume also their absolute values; at
        last the pairs' means over their classes.
    """
    rows = []
    for scores in zip(*pairs, strict=True):
        label = scores[0]
        tables = [score.measures() for score in scores]
        for measure in tables[0]:
            values = np.array([table[measure] for table in tables])
            icc = (float("nan"),) * 2
            if measure == "volume_mm3":
                theirs = [table["reference_volume_mm3"] for table in tables]
                icc = intraclass_correlation(np.stack([values, theirs], axis=1))
            rows.append(_row(label.index, label.name, measure, values, icc))
            if measure in _SIGNED:
                rows.append(_row(label.index, label.name, f"absolute_{measure}", np.abs(values)))
    means = (_row(None, MEAN_OF_CLASSES, m, class_means(pairs, m)) for m in _OF_MEANS)
    return (*rows, *means)


def class_means(pairs: Sequence[Sequence[ClassScore]], measure: str) -> "NDArray[np.float64]":
    """(n,) mean of a measure over each pair's classes, undefined ones left out."""
    table = np.array([[score.measures()[measure] for score in scores] for scores in pairs])
    defined = ~np.isnan(table)
    count = defined.sum(axis=1)
    total = np.where(defined, table, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _row(
    index: int | None,
    name: str,
    measure: str,
    values: "NDArray[np.float64]",
    icc: tuple[float, float] = (float("nan"), float("nan")),
) -> Summary:
    found = values[~np.isnan(values)]
    nan = float("nan")
    q1, median, q3 = np.percentile(found, [25, 50, 75]) if len(found) else (nan, nan, nan)
    return Summary(
        index,
        name,
        measure,
        len(found),
        len(values) - len(found),
        float(found.mean()) if len(found) else nan,
        float(found.std(ddof=1)) if len(found) > 1 else nan,
        float(median),
        float(q1),
        float(q3),
        *icc,
    )
