"""Mean and standard deviation of a data set, voxel by voxel, on the conformed grid.

CEREBRUM-7T's ``mean_discover_BIDS.py`` (SPEC D.3), for scans of any grid: each is
conformed first, as the networks' input is.
"""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, UsageError
from ..files import check_writable, make_folder, write_text
from ..imaging.conform import SIDE, to_conformed
from ..imaging.intensity import z_score
from ..imaging.nifti import read_t1w
from ..imaging.normalisation import STATISTICS_FILE, STATISTICS_FORMAT
from ..outputs.images import Space, write_image
from ..outputs.record import file_facts, timestamp, versions
from ..outputs.results import resolved
from ..presets import StatisticsFiles, VolumeFile, statistics_to_plain
from ..weights.store import sha256_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DatasetStatistics", "RunningMoments", "dataset_statistics"]

_LOG = logging.getLogger(__name__)
_MEAN, _STD = "mean.nii.gz", "std.nii.gz"
_SHAPE = (SIDE, SIDE, SIDE)


class RunningMoments:
    """Mean and variance of volumes that come one after the other (Welford 1962).

    Sums run in float64; memory does not depend on how many volumes come.

    Parameters
    ----------
    shape : tuple of 3 int
        Of every volume.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.count = 0
        self.mean: NDArray[np.float64] = np.zeros(shape)
        self._squares: NDArray[np.float64] = np.zeros(shape)

    def add(self, volume: "NDArray[np.float32]") -> None:
        """Count one more (X, Y, Z) volume."""
        self.count += 1
        # Plane by plane: what lies between would else be as large as the sums.
        for plane, mean, squares in zip(volume, self.mean, self._squares, strict=True):
            away = plane - mean
            mean += away / self.count
            squares += away * (plane - mean)

    def std(self) -> "NDArray[np.float64]":
        """(X, Y, Z) population standard deviation (ddof 0)."""
        found: NDArray[np.float64] = np.sqrt(self._squares / self.count)
        return found


@dataclass(frozen=True)
class DatasetStatistics:
    """What became of a data set.

    Parameters
    ----------
    files : StatisticsFiles
    paths : tuple of Path
        What was written.
    refused : tuple of InputError
        Why which scans are not in it.
    """

    files: StatisticsFiles
    paths: tuple[Path, ...]
    refused: tuple[InputError, ...]


def dataset_statistics(
    scans: Iterable[Path],
    folder: Path,
    *,
    raw: bool = False,
    frame: int | None = None,
    overwrite: bool = False,
    on_scan: Callable[[Path], None] | None = None,
    on_refused: Callable[[InputError], None] | None = None,
) -> DatasetStatistics:
    """Compute and write the statistics of a data set.

    Parameters
    ----------
    scans : iterable of Path
        Each counts once, however often it is named.
    folder : Path
        For ``mean.nii.gz``, ``std.nii.gz`` (float32, conformed grid) and
        ``stats.json``, which is written last.
    raw : bool
        Take intensities as they are, for quantitative images; default: each scan
        is z-scored over its conformed volume first.
    frame : int, optional
        Of 4-D scans, from 0.
    overwrite : bool
        Replace results that exist.
    on_scan : callable, optional
        Called with each scan before it is read.
    on_refused : callable, optional
        Called with the reason why a scan is left out.

    Returns
    -------
    DatasetStatistics

    Raises
    ------
    InputError
        When fewer than two scans could be read.
    UsageError, OutputError
        When results exist or cannot be written.
    """
    paths = tuple(folder / name for name in (_MEAN, _STD, STATISTICS_FILE))
    sources = _once(scans)
    for path in paths:
        if resolved(path) in sources:
            msg = f"{path}: is one of the scans; choose another --output"
            raise UsageError(msg)
        check_writable(path, overwrite=overwrite, make_folders=True)
    moments = RunningMoments(_SHAPE)
    taken: list[dict[str, Any]] = []
    refused: list[InputError] = []
    for scan in sources.values():
        if on_scan is not None:
            on_scan(scan)
        try:
            moments.add(_conformed(scan, frame, raw=raw))
        except InputError as error:
            refused.append(error)
            if on_refused is not None:
                on_refused(error)
        else:
            taken.append({"path": str(scan), "sha256": file_facts(scan)["sha256"]})
    if moments.count < 2:
        msg = (
            f"statistics need at least 2 scans; {moments.count} could be read"
            f"{f', {len(refused)} were refused' if refused else ''}; name more"
        )
        raise InputError(msg)
    make_folder(folder)
    files = _write_volumes(moments, folder, z_scored=not raw)
    facts = {
        "format": STATISTICS_FORMAT,
        "lodbrain": versions()["lodbrain"],
        "made": timestamp(),
        **statistics_to_plain(files),
        "frame": frame,
        "scans": taken,
        "refused": [str(error) for error in refused],
    }
    write_text(paths[-1], json.dumps(facts, indent=1) + "\n")
    return DatasetStatistics(files, paths, tuple(refused))


def _once(scans: Iterable[Path]) -> dict[Path, Path]:
    """Leave out repetitions, whatever name a file is reached by; by where it really is."""
    found: dict[Path, Path] = {}
    for scan in scans:
        first = found.setdefault(resolved(scan), scan)
        if first is not scan:
            _LOG.warning("%s: named twice (%s); it counts once", scan, first)
    return found


def _conformed(path: Path, frame: int | None, *, raw: bool) -> "NDArray[np.float32]":
    scan = read_t1w(path, frame)
    volume, _, cut = to_conformed(scan.data, scan.affine)
    for warning in (*scan.warnings, *cut):
        _LOG.warning("%s: %s", path, warning)
    return volume if raw else z_score(volume, out=volume)


def _write_volumes(moments: RunningMoments, folder: Path, *, z_scored: bool) -> StatisticsFiles:
    space = Space.of_no_scan(_SHAPE)  # scans lie elsewhere each
    of = f"{moments.count} scans, {'z-scored' if z_scored else 'raw'}"

    def written(name: str, values: "NDArray[np.float64]") -> VolumeFile:
        path = folder / name
        what = f"{name.split('.')[0]} of {of}"
        write_image(path, values.astype(np.float32), space, "estimate", what)
        return VolumeFile(name, sha256_of(path), path.stat().st_size)

    mean, std = written(_MEAN, moments.mean), written(_STD, moments.std())
    return StatisticsFiles(mean, std, z_scored, moments.count)
