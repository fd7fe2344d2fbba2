"""Pictures of scores: per class, and per group of people."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..files import replacing
from ..labels import LabelSet
from .groups import Grouping, GroupSummary
from .scoring import ClassScore
from .summary import MEAN_OF_CLASSES, class_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_drawing", "draw_groups", "draw_scores"]

_PANELS = {
    "dice": "Dice",
    "hd95_mm": "HD95 (mm)",
    "assd_mm": "ASSD (mm)",
    "volume_difference_percent": "volume difference (%)",
}
_FEWEST_FOR_BOXES = 5
_GREY = "#555555"


def check_drawing() -> None:
    """Refuse before any computing when pictures cannot be drawn.

    Raises
    ------
    UsageError
        When matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        msg = (
            "drawing needs matplotlib; install it with: pip install 'lodbrain[plots]', "
            "or use --no-plots"
        )
        raise UsageError(msg) from None


def draw_scores(target: Path, pairs: Sequence[Sequence[ClassScore]], label_set: LabelSet) -> None:
    """Draw Dice, HD95, ASSD and volume difference of each class over all pairs.

    Boxes go from the first to the third quartile with a line at the median,
    whiskers to the farthest value within 1.5 times that; every pair is a point.
    With fewer than five pairs there are only points.

    Parameters
    ----------
    target : Path
        PNG.
    pairs : sequence of sequences of ClassScore
        Not empty.
    label_set : LabelSet
        Its abbreviations and colours.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    figure = _figure(9.0, 6.6)
    colours = [label.color for label in label_set.structures]
    names = [label.abbreviation for label in label_set.structures]
    for axes, (measure, title) in zip(figure.subplots(2, 2).flat, _PANELS.items(), strict=True):
        columns = zip(*pairs, strict=True)
        samples = [_finite(score.measures()[measure] for score in column) for column in columns]
        _boxes(axes, samples, colours)
        axes.set_xticks(range(1, len(names) + 1), names)
        axes.set_ylabel(title)
        if measure == "volume_difference_percent":
            axes.axhline(0, color=_GREY, linewidth=0.8, linestyle=":")
        elif measure != "dice":
            axes.set_ylim(bottom=0)
    plural = "pair" if len(pairs) == 1 else "pairs"
    figure.suptitle(f"{len(pairs)} {plural} of prediction and reference", fontsize=11)
    _save(figure, target)


def draw_groups(
    target: Path,
    grouping: Grouping,
    rows: Iterable[GroupSummary],
    scores: Mapping[str, Sequence[ClassScore]],
    label_set: LabelSet,
) -> None:
    """Draw the Dice of groups: means of the classes as boxes, each class by its median.

    Parameters
    ----------
    target : Path
        PNG.
    grouping : Grouping
    rows : iterable of GroupSummary
        Of this grouping.
    scores : mapping of str to sequence of ClassScore
        By pair.
    label_set : LabelSet

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    from matplotlib.patheffects import Normal, Stroke

    edged = [Stroke(linewidth=2.5, foreground=_GREY), Normal()]  # pale colours on white
    rows = list(rows)
    groups = list(grouping.groups)
    figure = _figure(max(6.8, 2.0 + 0.75 * len(groups)), 6.4)
    above, below = figure.subplots(2, 1, sharex=True)
    means = dict(zip(scores, class_means(list(scores.values()), "dice"), strict=True))
    samples = [_finite(means[p] for p in pairs if p in means) for pairs in grouping.groups.values()]
    _boxes(above, samples, ["#8fb4d8"] * len(groups))
    above.set_ylabel("Dice, mean of classes")
    of_means = next(row for row in rows if row.name == MEAN_OF_CLASSES)
    above.set_title(_test_text(of_means), fontsize=9)
    places = np.arange(1, len(groups) + 1)
    for label in label_set.structures:
        medians = [row.median for row in rows if row.index == label.index]
        below.plot(
            places,
            medians,
            marker="o",
            color=label.color,
            markeredgecolor=_GREY,
            linewidth=1.5,
            path_effects=edged,
            label=label.abbreviation,
        )
    below.set_ylabel("Dice, median of each class")
    below.grid(axis="y", alpha=0.3)
    ticks = [f"{group}\nn={len(s)}" for group, s in zip(groups, samples, strict=True)]
    below.set_xticks(places, ticks)
    below.set_xlabel(grouping.column)
    figure.legend(
        *below.get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False
    )
    _save(figure, target)


def _test_text(row: GroupSummary) -> str:
    if not row.test or math.isnan(row.p):
        return "too few people in each group for a test"
    return f"{row.test}, p = {row.p:.2g} (groups of 5 or more, uncorrected)"


def _boxes(axes: Any, samples: "Sequence[NDArray[np.float64]]", colours: Sequence[str]) -> None:
    """Draw samples side by side as boxes with points, spread evenly so that none hides."""
    for place, (sample, colour) in enumerate(zip(samples, colours, strict=True), 1):
        if len(sample) >= _FEWEST_FOR_BOXES:
            axes.boxplot(
                [sample],
                positions=[place],
                widths=0.6,
                showfliers=False,
                patch_artist=True,
                boxprops={"facecolor": colour, "alpha": 0.55, "edgecolor": _GREY},
                medianprops={"color": "black"},
                whiskerprops={"color": _GREY},
                capprops={"color": _GREY},
            )
        # The golden ratio's multiples never gather; the first is 0.
        across = place + 0.36 * ((np.arange(len(sample)) * 0.618034 + 0.5) % 1 - 0.5)
        axes.scatter(across, sample, s=12, color=colour, edgecolors=_GREY, linewidths=0.5, zorder=3)
    axes.grid(axis="y", alpha=0.3)
    axes.set_xlim(0.4, len(samples) + 0.6)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, target: Path) -> None:
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _finite(values: Iterable[float]) -> "NDArray[np.float64]":
    return np.array([value for value in values if math.isfinite(value)], np.float64)
