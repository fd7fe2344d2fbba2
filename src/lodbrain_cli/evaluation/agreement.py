"""Agreement of two measurements of the same people."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["intraclass_correlation"]


def intraclass_correlation(measurements: "NDArray[np.float64]") -> tuple[float, float]:
    """Intraclass correlations ICC(A,1) and ICC(C,1) of single measurements.

    Parameters
    ----------
    measurements : (n, k) float64 array
        One row per person, one column per method; finite.

    Returns
    -------
    agreement : float
        ICC(A,1), absolute agreement (Shrout and Fleiss' ICC(2,1)): lower where
        a method measures systematically more.
    consistency : float
        ICC(C,1), consistency (their ICC(3,1)): blind to a constant difference.
        Both are NaN with fewer than two people or without any variance.

    Notes
    -----
    Two-way model, McGraw and Wong, Psychological Methods 1 (1996), table 4: with
    the mean squares R of rows, C of columns and E of what is left,
    ICC(C,1) = (R - E) / (R + (k - 1) E) and
    ICC(A,1) = (R - E) / (R + (k - 1) E + k (C - E) / n).
    """
    n, k = measurements.shape
    if n < 2:
        return float("nan"), float("nan")
    # Single differences of large volumes: subtracting the mean first keeps the digits.
    values = measurements - measurements.mean()
    of_rows, of_columns = values.mean(axis=1), values.mean(axis=0)
    rows = k * np.square(of_rows).sum() / (n - 1)
    columns = n * np.square(of_columns).sum() / (k - 1)
    rest = values - of_rows[:, None] - of_columns[None]
    error = np.square(rest).sum() / ((n - 1) * (k - 1))
    consistent = rows + (k - 1) * error
    return (
        _divided(rows - error, consistent + k * (columns - error) / n),
        _divided(rows - error, consistent),
    )


def _divided(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
