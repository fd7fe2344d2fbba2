"""The page of many scans: a table, outliers first, and how volumes are distributed."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_from_bytes

import numpy as np

from ...files import replacing
from .document import render

__all__ = ["OUTLIER", "ScanSummary", "group_page", "modified_z_scores", "write_group_page"]

#: Modified z-scores beyond are outliers (Iglewicz and Hoaglin 1993, How to detect and
#: handle outliers).
OUTLIER = 3.5
_FEWEST = 5  # scans, or no one is far from the others
_MOST_ROWS = 1000  # in the table: a browser shows them at once, and a person reads no more
_MOST_OTHERS = 1000  # points of scans that are not in the table
_PLOT_WIDTH, _PLOT_HEIGHT, _BANDS = 300.0, 60.0, 30


@dataclass(frozen=True)
class ScanSummary:
    """What the page says of one scan.

    Parameters
    ----------
    name : str
        Of its results.
    volumes_ml : dict of str to float
        By structure.
    verdict : str
        Worst of what was said of scan and result; ``failed`` where there is no result.
    reasons : tuple of str
    report : Path, optional
        Its page, where there is one.
    """

    name: str
    volumes_ml: dict[str, float]
    verdict: str
    reasons: tuple[str, ...] = ()
    report: Path | None = None


@dataclass(frozen=True)
class _Cell:
    volume_ml: float
    z_score: float

    @property
    def is_outlier(self) -> bool:
        return abs(self.z_score) > OUTLIER


@dataclass(frozen=True)
class _Row:
    scan: ScanSummary
    cells: tuple[_Cell, ...]
    link: str | None

    @property
    def largest(self) -> float:
        """Largest z-score, by which rows are sorted."""
        return max((abs(cell.z_score) for cell in self.cells), default=0.0)


@dataclass(frozen=True)
class _Point:
    x: float
    y: float
    name: str
    volume_ml: float
    is_outlier: bool


@dataclass(frozen=True)
class _Plot:
    structure: str
    least: float
    most: float
    median: float
    median_x: float
    points: tuple[_Point, ...] = field(default=())


def modified_z_scores(values: Sequence[float]) -> list[float]:
    """How far each value lies from the median, in robust standard deviations.

    Parameters
    ----------
    values : sequence of float
        NaN where there is none.

    Returns
    -------
    list of float
        0.6745 (x - median) / MAD; where the MAD is 0, (x - median) / (1.2533 times the mean
        absolute deviation). 0 for NaN, and for all of fewer than five values.
    """
    numbers = np.array(values, np.float64)
    known = numbers[np.isfinite(numbers)]
    if len(known) < _FEWEST:
        return [0.0] * len(numbers)
    apart = numbers - np.median(known)
    deviations = np.abs(known - np.median(known))
    spread = np.median(deviations) / 0.6745 or 1.253314 * deviations.mean()
    if spread == 0:
        return [0.0] * len(numbers)
    return [float(v) for v in np.nan_to_num(apart / spread)]


def write_group_page(path: Path, scans: Sequence[ScanSummary]) -> None:
    """Write the page of many scans, whole or not at all; links are relative to its folder.

    Raises
    ------
    UsageError
        When the extra ``report`` is not installed.
    OutputError
        When it cannot be written.
    """
    page = group_page(scans, path.parent)
    with replacing(path) as temporary:
        temporary.write_bytes(page)


def group_page(scans: Sequence[ScanSummary], folder: Path) -> bytes:
    """Make the page of many scans, HTML in one file that loads nothing.

    The table has the 1,000 scans to look at first: what failed, doubtful verdicts, volumes
    far from the others. Medians and z-scores are of all scans; of those that are not in the
    table an even choice of 1,000 at most stands among the points.

    Parameters
    ----------
    scans : sequence of ScanSummary
    folder : Path
        Where the page will stand.

    Raises
    ------
    UsageError
        When the extra ``report`` is not installed.
    """
    structures = list(dict.fromkeys(name for scan in scans for name in scan.volumes_ml))
    table = {
        name: [scan.volumes_ml.get(name, float("nan")) for scan in scans] for name in structures
    }
    scores = {name: modified_z_scores(values) for name, values in table.items()}
    rows = [
        _Row(
            scan,
            tuple(_Cell(table[name][k], scores[name][k]) for name in structures),
            _link(scan.report, folder),
        )
        for k, scan in enumerate(scans)
    ]
    rows.sort(key=lambda row: (_severity(row.scan.verdict), -row.largest, row.scan.name))
    shown, others = rows[:_MOST_ROWS], rows[_MOST_ROWS:]
    drawn = [*shown, *others[:: math.ceil(len(others) / _MOST_OTHERS) or 1]]
    return render(
        "group.html.j2",
        "group.js",
        {
            "structures": structures,
            "count": len(rows),
            "rows": shown,
            "drawn": len(drawn),
            "plots": [_plot(name, drawn, k, table[name]) for k, name in enumerate(structures)],
            "threshold": OUTLIER,
            "fewest": _FEWEST,
            "width": _PLOT_WIDTH,
            "height": _PLOT_HEIGHT,
        },
    )


def _severity(verdict: str) -> int:
    order = ("failed", "refuse", "fail", "warn")
    return order.index(verdict) if verdict in order else len(order)


def _link(report: Path | None, folder: Path) -> str | None:
    """Relative address of a page, by its bytes: a file name need not be text."""
    if report is None:
        return None
    return quote_from_bytes(os.fsencode(os.path.relpath(report, folder)))


def _plot(structure: str, rows: Sequence[_Row], column: int, all_ml: Sequence[float]) -> _Plot:
    """Points along the volume; side by side where they would cover one another."""
    known = [row for row in rows if np.isfinite(row.cells[column].volume_ml)]
    volumes = np.array([row.cells[column].volume_ml for row in known])
    least, most = float(np.nanmin(all_ml)), float(np.nanmax(all_ml))
    span = (most - least) or 1.0
    taken: dict[int, int] = {}
    points = []
    for row, volume in zip(known, volumes, strict=True):
        x = 8 + (_PLOT_WIDTH - 16) * float(volume - least) / span
        band = int(x / _PLOT_WIDTH * _BANDS)
        level = taken[band] = taken.get(band, -1) + 1
        away = (level + 1) // 2 * (1 if level % 2 else -1)
        y = _PLOT_HEIGHT / 2 + float(np.clip(6 * away, 6 - _PLOT_HEIGHT / 2, _PLOT_HEIGHT / 2 - 6))
        points.append(_Point(x, y, row.scan.name, float(volume), row.cells[column].is_outlier))
    median = float(np.nanmedian(all_ml))
    at = 8 + (_PLOT_WIDTH - 16) * (median - least) / span
    return _Plot(structure, least, most, median, at, tuple(points))
