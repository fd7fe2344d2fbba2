"""The page of many scans: a table, the worst first, and how volumes are distributed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

import numpy as np

from ...files import replacing
from .document import render
from .group_plots import OUTLIER, PLOT_HEIGHT, PLOT_WIDTH, MeasuredVolume, plot_volumes

__all__ = ["OUTLIER", "ScanSummary", "group_page", "modified_z_scores", "write_group_page"]

_FEWEST = 5  # scans, or no one is far from the others
_MOST_ROWS = 1000  # in the table: a browser shows them at once, and a person reads no more


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
class _Row:
    scan: ScanSummary
    cells: tuple[MeasuredVolume, ...]
    link: str | None

    @property
    def largest(self) -> float:
        """Largest z-score, by which rows are sorted."""
        return max((abs(cell.z_score) for cell in self.cells), default=0.0)


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
    far from the others. Plots, medians and z-scores are of all scans.

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
            tuple(
                MeasuredVolume(scan.name, table[name][k], scores[name][k]) for name in structures
            ),
            _link(scan.report, folder),
        )
        for k, scan in enumerate(scans)
    ]
    rows.sort(key=lambda row: (_severity(row.scan.verdict), -row.largest, row.scan.name))
    return render(
        "group.html.j2",
        "group.js",
        {
            "structures": structures,
            "count": len(rows),
            "rows": rows[:_MOST_ROWS],
            "plots": [
                plot_volumes(name, [row.cells[k] for row in rows])
                for k, name in enumerate(structures)
            ],
            "threshold": OUTLIER,
            "fewest": _FEWEST,
            "width": PLOT_WIDTH,
            "height": PLOT_HEIGHT,
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
