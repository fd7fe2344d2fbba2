"""Label maps and images of the data set on the conformed grid, checked and cached."""

import hashlib
import logging
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ..errors import InputError, UsageError
from ..files import make_folder, replacing
from ..imaging.components import bounding_box
from ..imaging.conform import conform_labels, to_conformed
from ..imaging.corners import SAME_VOXEL, farthest_mm
from ..imaging.label_image import read_label_numbers, reduce_numbers
from ..imaging.nifti import Scan, read_t1w
from ..labels import LabelMap, get_label_map
from .dataset import Pair
from .heads import Head, head_of, how_heads_are_made
from .places import find_place, how_places_are_found
from .targets import Coding, Target, join_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["ConformedPair", "VolumeCache", "labelled_ml", "read_head", "read_pair"]

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
    find_place : callable, optional
        Finds the box around the brain, where the labels do not cover it.
    """

    image: "NDArray[np.float32]"
    codes: "NDArray[Any]"
    coding: Coding
    find_place: "Callable[[], tuple[slice, ...]] | None" = None

    @property
    def brain_box(self) -> tuple[slice, ...]:
        """Box around the brain, without a margin.

        Raises
        ------
        InputError
            When the labels do not cover it, and it is not found.
        """
        box = bounding_box(self.brain) if self.find_place is None else self.find_place()
        assert box is not None  # labels that cover the brain are refused where they are empty
        return box

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
        Heads of the network. Of those that this person has labels for: where none
        covers the brain, labels may be empty, and the brain is found as when the
        network is used.

    Returns
    -------
    ConformedPair

    Raises
    ------
    InputError
        Naming the pair and what is wrong: another grid, foreign label
        numbers, no brain, an image that is refused.
    UsageError
        When there are labels for none of the heads.
    """
    paths = [pair.labels_in(target.column) for target in targets]
    maps = [
        target.map_of(pair.label_map) if path is not None else None
        for target, path in zip(targets, paths, strict=True)
    ]
    heads = tuple(target.label_set.num_classes for target in targets)
    known = [target for target, path in zip(targets, paths, strict=True) if path is not None]
    if not known:
        msg = f"subject {pair.subject}: has no labels for any target; leave the row out"
        raise UsageError(msg)
    cover = any(target.label_set.covers_brain for target in known)

    def make_pair() -> "dict[str, NDArray[Any]]":
        image = read_t1w(pair.image or pair.labels)
        volume, grid, _ = to_conformed(image.data, image.affine)
        volumes: list[NDArray[np.uint8] | None] = []
        for path, label_map in zip(paths, maps, strict=True):
            if path is None or label_map is None:
                volumes.append(None)
                continue
            labels = _read_labels(path, label_map, may_be_empty=not cover)
            _check_grids(image, labels)
            numbers = conform_labels(labels.data, labels.affine, grid)
            volumes.append(reduce_numbers(numbers, label_map))
        codes, classes = join_codes(volumes, targets)
        return {"image": volume, "codes": codes, "classes": classes}

    try:
        kind = f"pair of {maps!r}" if cover else f"pair of {maps!r}, may be empty"
        named = [path for path in paths if path is not None]
        arrays = cache.get(kind, (pair.image or pair.labels, *named), make_pair)
    except InputError as error:
        raise _about(pair, error) from error
    find = None if cover else partial(_place, pair, arrays["image"], cache)
    return ConformedPair(arrays["image"], arrays["codes"], Coding(arrays["classes"], heads), find)


def labelled_ml(pair: Pair, target: "Target") -> float:
    """Volume of a target's structures in the label image of a pair, of the column 'labels'.

    Raises
    ------
    InputError
        Naming the pair, when the labels cannot be used.
    """
    label_map = target.map_of(pair.label_map)
    try:
        scan = read_label_numbers(pair.labels, label_map)
    except InputError as error:
        raise _about(pair, error) from error
    voxel_ml = abs(float(np.linalg.det(scan.affine[:3, :3]))) / 1000
    return voxel_ml * int(np.count_nonzero(reduce_numbers(scan.data, label_map)))


def _place(pair: Pair, image: "NDArray[np.float32]", cache: VolumeCache) -> tuple[slice, ...]:
    file = pair.image or pair.labels

    def find() -> "dict[str, NDArray[Any]]":
        return {"place": np.array([[s.start, s.stop] for s in find_place(image, str(file))])}

    try:
        ends = cache.get(how_places_are_found(), (file,), find)["place"]
    except InputError as error:
        raise _about(pair, error) from error
    return tuple(slice(int(start), int(stop)) for start, stop in ends)


def _read_labels(path: Path, label_map: LabelMap, *, may_be_empty: bool = False) -> Scan:
    scan = read_label_numbers(path, label_map)
    if not may_be_empty and not reduce_numbers(scan.data, label_map).any():
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
