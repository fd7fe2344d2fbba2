"""Which files hold the statistics that a network's images are normalised by; plain data."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["StatisticsFiles", "VolumeFile", "statistics_from_plain", "statistics_to_plain"]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.nii(\.gz)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class VolumeFile:
    """One volume as a file, in a folder that is known otherwise.

    Parameters
    ----------
    name : str
        Without a folder.
    sha256 : str
        64 hexadecimal digits.
    num_bytes : int

    Raises
    ------
    ValueError
        On a name that leads elsewhere, or a hash that is none.
    """

    name: str
    sha256: str
    num_bytes: int

    def __post_init__(self) -> None:
        """Refuse what a file that others wrote may say."""
        if not _NAME.fullmatch(self.name) or not _SHA256.fullmatch(self.sha256):
            msg = f"volume {self.name!r}, sha256 {self.sha256!r}"
            raise ValueError(msg)


@dataclass(frozen=True)
class StatisticsFiles:
    """Mean and standard deviation of a data set, voxel by voxel, as files.

    Parameters
    ----------
    mean, std : VolumeFile
        256³ voxels of 1 mm, LIA.
    z_scored : bool
        Whether each scan was z-scored before, as every image is to be then.
    count : int
        Scans.
    """

    mean: VolumeFile
    std: VolumeFile
    z_scored: bool
    count: int


def statistics_to_plain(files: StatisticsFiles) -> dict[str, Any]:
    """JSON-ready data, from which :func:`statistics_from_plain` makes it again."""
    return asdict(files)


def statistics_from_plain(plain: Mapping[str, Any]) -> StatisticsFiles:
    """Read what :func:`statistics_to_plain` gave; other keys are passed over.

    Raises
    ------
    KeyError, TypeError, ValueError
        When something is missing, or cannot be.
    """
    mean, std = (
        VolumeFile(str(plain[k]["name"]), str(plain[k]["sha256"]), int(plain[k]["num_bytes"]))
        for k in ("mean", "std")
    )
    if not isinstance(plain["z_scored"], bool):
        msg = f"z_scored {plain['z_scored']!r}"
        raise TypeError(msg)
    return StatisticsFiles(mean, std, plain["z_scored"], int(plain["count"]))
