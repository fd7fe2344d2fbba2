"""How the volumes of a structure are distributed among scans: points of few, bars of many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    "OUTLIER",
    "PLOT_HEIGHT",
    "PLOT_WIDTH",
    "Bar",
    "MeasuredVolume",
    "Plot",
    "Point",
    "plot_volumes",
]

#: Modified z-scores beyond are outliers (Iglewicz and Hoaglin 1993, How to detect and
#: handle outliers).
OUTLIER = 3.5
PLOT_WIDTH, PLOT_HEIGHT = 300.0, 60.0
_MARGIN = 8.0
_MOST_POINTS = 200  # more would cover one another
_BANDS, _APART = 30, 6.0
_BARS = 48
_MOST_OUTLIERS = 300  # the farthest; more cover one another, and the page grows


@dataclass(frozen=True)
class MeasuredVolume:
    """One scan's volume of a structure, ml, with its modified z-score among all."""

    scan: str
    volume_ml: float
    z_score: float

    @property
    def is_outlier(self) -> bool:
        """Whether it lies far from the others."""
        return abs(self.z_score) > OUTLIER


@dataclass(frozen=True)
class Point:
    """One scan; x and y of its middle in the plot's units."""

    x: float
    y: float
    scan: str
    volume_ml: float
    is_outlier: bool


@dataclass(frozen=True)
class Bar:
    """Scans of similar volume, from `least` to `most` ml; x and y of its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    scans: int
    least: float
    most: float


@dataclass(frozen=True)
class Plot:
    """Volumes of one structure, ml.

    Parameters
    ----------
    structure : str
    scans : int
        That have a volume.
    least, most, median : float
        Of all scans.
    median_x : float
    points : tuple of Point
        All scans, or where there are bars the outliers.
    bars : tuple of Bar
        All scans; none where they are few.
    """

    structure: str
    scans: int
    least: float
    most: float
    median: float
    median_x: float
    points: tuple[Point, ...]
    bars: tuple[Bar, ...]


def plot_volumes(structure: str, measured: Sequence[MeasuredVolume]) -> Plot:
    """Lay out the volumes of a structure.

    Up to 200 scans are points; of more, bars count all of them, and the outliers
    (the 300 farthest at most) stand above the bars.

    Parameters
    ----------
    structure : str
    measured : sequence of MeasuredVolume
        One at least with a volume; NaN where a scan has none.

    Returns
    -------
    Plot
    """
    known = [each for each in measured if np.isfinite(each.volume_ml)]
    volumes = np.array([each.volume_ml for each in known])
    least, most, median = (float(f(volumes)) for f in (np.min, np.max, np.median))

    def x_of(volume: float) -> float:
        return _MARGIN + (PLOT_WIDTH - 2 * _MARGIN) * (volume - least) / ((most - least) or 1.0)

    places = [x_of(each.volume_ml) for each in known]
    bars: tuple[Bar, ...] = ()
    if len(known) <= _MOST_POINTS:
        points = _swarm(known, places)
    else:
        bars = _bars(volumes)
        points = _outliers(known, places)
    return Plot(structure, len(known), least, most, median, x_of(median), points, bars)


def _swarm(known: Sequence[MeasuredVolume], places: Sequence[float]) -> tuple[Point, ...]:
    """Points side by side where they would cover one another."""
    taken: dict[int, int] = {}
    points = []
    for each, x in zip(known, places, strict=True):
        band = int(x / PLOT_WIDTH * _BANDS)
        level = taken[band] = taken.get(band, -1) + 1
        away = (level + 1) // 2 * (1 if level % 2 else -1)
        most = PLOT_HEIGHT / 2 - _APART
        y = PLOT_HEIGHT / 2 + float(np.clip(_APART * away, -most, most))
        points.append(Point(x, y, each.scan, each.volume_ml, each.is_outlier))
    return tuple(points)


def _outliers(known: Sequence[MeasuredVolume], places: Sequence[float]) -> tuple[Point, ...]:
    far = [pair for pair in zip(known, places, strict=True) if pair[0].is_outlier]
    far.sort(key=lambda pair: -abs(pair[0].z_score))
    return tuple(
        Point(x, _APART, each.scan, each.volume_ml, True) for each, x in far[:_MOST_OUTLIERS]
    )


def _bars(volumes: "np.ndarray") -> tuple[Bar, ...]:
    """Bars below the outliers, the fullest as high as there is room."""
    counts, edges = np.histogram(volumes, _BARS)
    width = (PLOT_WIDTH - 2 * _MARGIN) / _BARS
    room = PLOT_HEIGHT - 2 * _APART
    bars = []
    for k, count in enumerate(counts):
        height = room * float(count) / float(counts.max())
        if count:
            x, y = _MARGIN + k * width, PLOT_HEIGHT - height
            least, most = float(edges[k]), float(edges[k + 1])
            bars.append(Bar(x, y, width, height, int(count), least, most))
    return tuple(bars)
