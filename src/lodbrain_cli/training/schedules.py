"""How the learning rate falls, and when to stop: functions of the history."""

import math
from collections.abc import Sequence

__all__ = ["cosine_rate", "epochs_without_better", "plateau_rate"]


def cosine_rate(step: int, steps: int, first: float, last: float) -> float:
    """Learning rate that falls from `first` to `last` along half a cosine.

    Source: Loshchilov and Hutter, SGDR (arXiv 1608.03983), without restarts.
    """
    share = min(step / steps, 1.0)
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))


def plateau_rate(
    scores: Sequence[float], first: float, last: float, *, factor: float, patience: int
) -> float:
    """Learning rate that falls by `factor` whenever `patience` epochs brought nothing.

    Parameters
    ----------
    scores : sequence of float
        One per epoch so far, higher is better.
    first, last : float
        Where it begins, and below which it does not fall.
    factor : float
        Below 1.
    patience : int
        Epochs without a better score, after which the count begins anew.
    """
    rate, best, waited = first, -math.inf, 0
    for score in scores:
        waited = 0 if score > best else waited + 1
        best = max(best, score)
        if waited >= patience:
            rate, waited = max(rate * factor, last), 0
    return rate


def epochs_without_better(scores: Sequence[float]) -> int:
    """Epochs since the best score; 0 when the last one is it, or there is none."""
    if not scores:
        return 0
    return len(scores) - 1 - scores.index(max(scores))
