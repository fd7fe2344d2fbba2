"""Label maps and images of the data set on the conformed grid, checked and cached."""

import hashlib
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ..errors import InputError
from ..files import make_folder, replacing
from ..imaging.conform import conform_labels, to_conformed
from ..imaging.corners import SAME_VOXEL, farthest_mm
from ..imaging.label_image import read_label_numbers, reduce_numbers
from ..imaging.nifti import Scan, read_t1w
from ..labels import LabelMap, get_label_map
from .dataset import Pair
from .heads import Head, head_of, how_heads_are_made
from .targets import Coding, Target, join_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["ConformedPair", "VolumeCache", "read_head", "read_pair"]

_LOG = logging.getLogger(__name__)

# Of what code makes of files: another number, other entries.
_CACHE_VERSION = 1


@dataclass(frozen=True, eq=False)
class ConformedPair:
    """An image and its labels on the conformed grid.

    Parameters
    ----------
    image : (256, 256, 256) float32 array
    codes : (256, 256, 256) uint8 or uint16 array
        The labels of all heads together.
    coding : Coding
        What they are in each.
    """

    image: "NDArray[np.float32]"
    codes: "NDArray[Any]"
    coding: Coding

    @property
    def brain(self) -> "NDArray[np.bool_]":
        """(256, 256, 256) where any head has a structure."""
        inside: NDArray[np.bool_] = self.coding.brain[self.codes]
        return inside


class VolumeCache:
    """Arrays made from files, kept on disk until the files change.

    Parameters
    ----------
    folder : Path or None
        Made when it is missing; None keeps nothing.

    Raises
    ------
    UsageError
        When the folder cannot be made or written into.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None:
            make_folder(folder)

    def get(
        self, kind: str, files: tuple[Path, ...], make: "Callable[[], dict[str, NDArray[Any]]]"
    ) -> "dict[str, NDArray[Any]]":
        """Return the arrays of a kind from `files`, made now or earlier.

        Parameters
        ----------
        kind : str
            Everything but the files that the arrays depend on: tables and
            constants, written out.
        files : tuple of Path
        make : callable

        Raises
        ------
        InputError
            When a file cannot be looked at.
        """
        if self.folder is None:
            return make()
        states = [_state(file) for file in files]
        key = hashlib.sha256(repr((_CACHE_VERSION, kind, states)).encode())
        path = self.folder / f"{key.hexdigest()[:32]}.npz"
        kept = _kept(path)
        if kept is not None:
            return kept
        arrays = make()
        with replacing(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **arrays)
        return arrays


def _state(file: Path) -> tuple[str, int, int]:
    """Path, size and time of the last change: what shows that a file is another one."""
    try:
        found = file.stat()
    except OSError as error:
        msg = f"{file}: cannot be read ({error.strerror or error})"
        raise InputError(msg) from error
    return str(file.resolve()), found.st_size, found.st_mtime_ns


def _kept(path: Path) -> "dict[str, NDArray[Any]] | None":
    """Arrays of an entry; None when there is none or it is damaged, to be made again."""
    try:
        # Opened here, for NumPy leaves a file open that is no archive.
        with path.open("rb") as file, np.load(file) as kept:
            return dict(kept)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, BadZipFile, zlib.error) as error:
        _LOG.warning("%s: damaged (%s); made again", path, error)
        return None


def read_head(pair: Pair, cache: VolumeCache) -> Head:
    """Read a label map as a head to paint.

    Raises
    ------
    InputError
        Naming the file, when it cannot be used.
    """

    def make_head() -> "dict[str, NDArray[Any]]":
        scan = _read_labels(pair.labels, get_label_map(pair.label_map))
        head = head_of(conform_labels(scan.data, scan.affine), pair.subject)
        return {"tissues": head.tissues, "origin": np.array(head.origin_vox),
                "brain": np.array(head.brain_vox)}  # fmt: skip

    try:
        kind = f"head of {how_heads_are_made()} from {get_label_map(pair.label_map)!r}"
        arrays = cache.get(kind, (pair.labels,), make_head)
    except InputError as error:
        raise _about(pair, error) from error
    origin = tuple(int(o) for o in arrays["origin"])
    brain = tuple((int(a), int(b)) for a, b in arrays["brain"])
    return Head(pair.subject, arrays["tissues"], origin, brain)  # type: ignore[arg-type]


def read_pair(pair: Pair, cache: VolumeCache, targets: "Sequence[Target]") -> ConformedPair:
    """Read an image and its labels.

    Parameters
    ----------
    pair : Pair
        With an image.
    cache : VolumeCache
    targets : sequence of Target
        Heads of the network.

    Returns
    -------
    ConformedPair

    Raises
    ------
    InputError
        Naming the pair and what is wrong: another grid, foreign label
        numbers, no brain, an image that is refused.
    """
    maps = [target.map_of(pair.label_map) for target in targets]
    paths = [pair.labels_in(target.column) for target in targets]
    heads = tuple(target.label_set.num_classes for target in targets)

    def make_pair() -> "dict[str, NDArray[Any]]":
        image = read_t1w(pair.image or pair.labels)
        volume, grid, _ = to_conformed(image.data, image.affine)
        volumes = []
        for path, label_map in zip(paths, maps, strict=True):
            labels = _read_labels(path, label_map)
            _check_grids(image, labels)
            numbers = conform_labels(labels.data, labels.affine, grid)
            volumes.append(reduce_numbers(numbers, label_map))
        codes, classes = join_codes(volumes, targets)
        return {"image": volume, "codes": codes, "classes": classes}

    try:
        kind = f"pair of {maps!r}"
        arrays = cache.get(kind, (pair.image or pair.labels, *paths), make_pair)
    except InputError as error:
        raise _about(pair, error) from error
    return ConformedPair(arrays["image"], arrays["codes"], Coding(arrays["classes"], heads))


def _read_labels(path: Path, label_map: LabelMap) -> Scan:
    scan = read_label_numbers(path, label_map)
    if not reduce_numbers(scan.data, label_map).any():
        msg = f"{path}: holds no brain structure of the protocol {label_map.name!r}"
        raise InputError(msg)
    return scan


def _check_grids(image: Scan, labels: Scan) -> None:
    if image.data.shape != labels.data.shape:
        msg = (
            f"{labels.name}: has shape {labels.data.shape}, its image {image.name} "
            f"{image.data.shape}; resample one to the other's grid"
        )
        raise InputError(msg)
    apart_mm = farthest_mm(image.affine, labels.affine, image.data.shape)
    if apart_mm > SAME_VOXEL * image.voxel_size_mm.min():
        msg = (
            f"{labels.name}: its voxels lie up to {apart_mm:.2f} mm from those of its image "
            f"{image.name}; they must lie on the same grid"
        )
        raise InputError(msg)


def _about(pair: Pair, error: InputError) -> InputError:
    return InputError(f"subject {pair.subject}: {error}")
