"""Intensities as a network expects them: z-scored, and where it was trained so, by voxel too.

CEREBRUM-7T subtracts the mean volume of its data set and divides by the volume of
standard deviations (SPEC D.3).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..presets import MODEL_FILE, StatisticsFiles, VolumeFile, read_model, statistics_from_plain
from ..weights.store import sha256_of
from .conform import SIDE
from .intensity import z_score
from .nifti import read_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "STATISTICS_FILE",
    "STATISTICS_FORMAT",
    "Normalisation",
    "VoxelStatistics",
    "find_statistics",
    "read_statistics",
]

#: Name of the file that says of a folder's volumes what they are.
STATISTICS_FILE = "stats.json"
STATISTICS_FORMAT = "lodbrain statistics 1"

_SHAPE = (SIDE, SIDE, SIDE)
_WHOLE = (slice(None),) * 3
# Of the largest mean: scans that are the same at a voxel differ so by the rounding of float32,
# and to divide by that would blow it up.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class VoxelStatistics:
    """Mean and standard deviation of a data set at each voxel.

    Parameters
    ----------
    mean : (256, 256, 256) float32 array
        Conformed grid (LIA, 1 mm).
    divisor : (256, 256, 256) float32 array
        Standard deviation (ddof 0), but 1 where that is 0 but for rounding.
    z_scored : bool
        Whether they are those of z-scored scans.
    """

    mean: "NDArray[np.float32]"
    divisor: "NDArray[np.float32]"
    z_scored: bool


@dataclass(frozen=True, eq=False)
class Normalisation:
    """What is done to a conformed volume's intensities before a network sees it.

    Parameters
    ----------
    statistics : VoxelStatistics, optional
        To normalise voxel by voxel after the first step; default: nothing more.
    """

    statistics: VoxelStatistics | None = None

    @property
    def z_scores(self) -> bool:
        """Whether the first step is a z-score over all voxels; else there is none."""
        return self.statistics is None or self.statistics.z_scored

    def __call__(
        self, volume: "NDArray[np.float32]", out: "NDArray[np.float32] | None" = None
    ) -> "NDArray[np.float32]":
        """Normalise a whole volume.

        Parameters
        ----------
        volume : (256, 256, 256) float32 array
            Conformed grid (LIA, 1 mm), intensities of the scan; not constant.
        out : (256, 256, 256) float32 array, optional
            Where to write the result; may be `volume`.

        Returns
        -------
        (256, 256, 256) float32 array
        """
        if not self.z_scores:
            return self.by_voxel(volume, out=out)
        scored = z_score(volume, out=out)
        return self.by_voxel(scored, out=scored)

    def first_step(
        self, volume: "NDArray[np.float32]", over: tuple[slice, ...], part: tuple[slice, ...]
    ) -> "NDArray[np.float32]":
        """Take the first step on a part of a volume; :meth:`by_voxel` is the second.

        Parameters
        ----------
        volume : (256, 256, 256) float32 array
            Conformed grid, intensities of the scan.
        over : tuple of 3 slice
            Over whose voxels it is z-scored: what the network sees.
        part : tuple of 3 slice
            Of the volume, to be returned.

        Returns
        -------
        (X, Y, Z) float32 array
        """
        if not self.z_scores:
            return volume[part].astype(np.float32)
        seen = volume[over]
        mean, std = seen.mean(dtype=np.float64), seen.std(dtype=np.float64)
        return ((volume[part] - np.float32(mean)) / np.float32(std)).astype(np.float32)

    def by_voxel(
        self,
        image: "NDArray[np.float32]",
        part: tuple[slice, ...] = _WHOLE,
        out: "NDArray[np.float32] | None" = None,
    ) -> "NDArray[np.float32]":
        """Subtract the mean and divide by the standard deviation of each voxel.

        Parameters
        ----------
        image : (X, Y, Z) float32 array
            A part of a conformed volume after the first step.
        part : tuple of 3 slice
            Which; default: all of it.
        out : (X, Y, Z) float32 array, optional
            Where to write the result; may be `image`.

        Returns
        -------
        (X, Y, Z) float32 array
            `image` itself where there are no statistics.
        """
        if self.statistics is None:
            return image
        centred = np.subtract(image, self.statistics.mean[part], out=out)
        centred /= self.statistics.divisor[part]
        return centred


def find_statistics(folder: Path) -> StatisticsFiles:
    """Say which volumes a folder holds: by its ``stats.json``, or the ``model.json`` of a run.

    Raises
    ------
    InputError, UsageError
        When there is neither, or it cannot be read.
    """
    path = folder / STATISTICS_FILE
    if not path.is_file():
        of_run = read_model(folder / MODEL_FILE) if (folder / MODEL_FILE).is_file() else None
        if of_run is None or of_run.statistics is None:
            msg = f"{folder}: holds no {STATISTICS_FILE}; name a folder of 'lodbrain dataset-stats'"
            raise InputError(msg)
        return of_run.statistics
    expected = f"expected {STATISTICS_FORMAT!r}; run 'lodbrain dataset-stats' again"
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        found = statistics_from_plain(plain)
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        msg = f"{path}: cannot be read as statistics ({error}); {expected}"
        raise InputError(msg) from error
    if plain.get("format") != STATISTICS_FORMAT:
        msg = f"{path}: has format {plain.get('format')!r}; {expected}"
        raise InputError(msg)
    return found


def read_statistics(folder: Path, files: StatisticsFiles) -> VoxelStatistics:
    """Read the volumes, if they are those that were named.

    Parameters
    ----------
    folder : Path
        That holds them.
    files : StatisticsFiles

    Raises
    ------
    InputError
        Naming the file that is missing, was changed or holds no statistics.
    """
    mean, std = (_volume(folder, file) for file in (files.mean, files.std))
    if std.min() < 0:
        msg = f"{folder / files.std.name}: holds standard deviations below 0"
        raise InputError(msg)
    nothing = std <= _ROUNDING * np.abs(mean).max()
    return VoxelStatistics(mean, np.where(nothing, np.float32(1), std), files.z_scored)


def _volume(folder: Path, file: VolumeFile) -> "NDArray[np.float32]":
    path = folder / file.name
    try:
        right = path.stat().st_size == file.num_bytes and sha256_of(path) == file.sha256
    except OSError as error:
        msg = f"{path}: this volume of the data set's statistics cannot be read ({error.strerror})"
        raise InputError(msg) from error
    if not right:
        msg = (
            f"{path}: not the volume that belongs here (SHA-256 is not {file.sha256[:12]}...); put "
            "the one back that was made with the files beside it"
        )
        raise InputError(msg)
    volume = read_image(path).data
    if volume.shape != _SHAPE or not np.isfinite(volume).all():
        msg = f"{path}: has shape {volume.shape}; expected {_SHAPE} finite voxels"
        raise InputError(msg)
    return volume
