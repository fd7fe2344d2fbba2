"""A label image of any origin as a page: what its numbers mean, and what lies under it."""

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..imaging.label_image import read_any_labels
from ..imaging.nifti import Scan, read_t1w
from ..imaging.resample import resample
from ..labels import Label, LabelSet, get_label_set
from ..outputs.display import Display, Overlay, make_display
from ..outputs.record import record_path
from ..outputs.report.reference import LabelSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["display_of_files", "read_beside", "scan_under"]

_MOST = 255
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_GOLDEN = 0.618034


def read_beside(labels: Path) -> dict[str, Any]:
    """Read the run record beside a label image; {} where there is none that can be read."""
    try:
        record = json.loads(record_path(labels).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def display_of_files(
    labels: Path, image: Path | None = None, reference: LabelSource | None = None
) -> Display:
    """Read labels with the scan under them.

    Parameters
    ----------
    labels : Path
        Any label image: numbers are named by the table beside it (``.tsv``, as ``segment``
        writes it), else as LOD-Brain's where they are 0 to 6, else by themselves.
    image : Path, optional
        The scan, on the same grid; default: that of the run record beside the labels,
        and black where there is none.
    reference : LabelSource, optional
        Labels by others, to switch to.

    Raises
    ------
    InputError
        When a file cannot be read, has more than 255 labels, or the scan lies on another
        grid.
    """
    scan, present = read_any_labels(labels)
    if max(present, default=0) > _MOST or len(present) > _MOST:
        values, label_set = _renumbered(scan, present)
    else:
        values = scan.data.astype(np.uint8)
        label_set = _table_beside(labels, present) or _guessed(present)
    name, grey = scan_under(labels, scan, image)
    overlays = [Overlay(_name(labels), values, label_set)]
    if reference is not None:
        overlays.append(reference.overlay(label_set, values, scan.affine))
    return make_display(name, grey, scan.affine, overlays)


def scan_under(path: Path, result: Scan, image: Path | None) -> "tuple[str, NDArray[np.float32]]":
    """Find the scan that a result was made of.

    Parameters
    ----------
    path : Path
        File of the result.
    result : Scan
        What was read from it.
    image : Path, optional
        The scan; default: that of the run record beside the result.

    Returns
    -------
    name : str
        File name of the scan, or of the result where none is found.
    intensities : (X, Y, Z) float32 array
        On the grid of the result; 0 where none is found.

    Raises
    ------
    InputError
        When the scan that was named cannot be read.
    """
    under = _image_under(path, image)
    if under is None:
        return path.name, np.zeros(result.data.shape, np.float32)
    return Path(under.name).name, _on_grid(under, result)


def _name(labels: Path) -> str:
    preset = read_beside(labels).get("preset")
    return preset if isinstance(preset, str) else labels.name


def _image_under(labels: Path, image: Path | None) -> Scan | None:
    """Scan that was named, or the one of which the record speaks, if it is still the same."""
    if image is not None:
        return read_t1w(image)
    record = read_beside(labels)
    source, options = record.get("input"), record.get("options")
    if not isinstance(source, dict) or not isinstance(source.get("path"), str):
        return None
    place = Path(source["path"])
    if not place.is_file() or place.stat().st_size != source.get("bytes"):
        return None
    frame = options.get("frame") if isinstance(options, dict) else None
    return read_t1w(place, frame if isinstance(frame, int) else None)


def _on_grid(under: Scan, grid: Scan) -> "NDArray[np.float32]":
    """Intensities on the grid of a result, by linear interpolation where grids differ."""
    if under.data.shape == grid.data.shape and np.allclose(under.affine, grid.affine, atol=1e-3):
        return under.data
    matrix = np.linalg.inv(under.affine) @ grid.affine
    darkest = float(under.data.min())
    return resample(under.data, matrix, grid.data.shape, darkest, keep_edges=True, order=1)


def _table_beside(labels: Path, present: list[int]) -> LabelSet | None:
    """Names and colours as ``segment`` wrote them, if they speak of all the numbers."""
    table = record_path(labels)
    table = table.with_name(table.name.removesuffix("_run.json") + ".tsv")
    try:
        rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")), delimiter="\t"))
        found = {int(row["index"]): row for row in rows}
        names = [str(found[k]["name"]) for k in range(len(rows))]
        colors = [str(found[k]["color"]) for k in range(len(rows))]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    plain = all(name.isprintable() for name in names) and len(set(names)) == len(names)
    fits = 2 <= len(rows) <= _MOST + 1 and max(present, default=0) < len(rows)
    if not (plain and fits and all(_COLOR.fullmatch(color) for color in colors)):
        return None
    pairs = zip(names, colors, strict=True)
    return LabelSet("table", tuple(Label(k, n, n, c, None) for k, (n, c) in enumerate(pairs)))


def _guessed(present: list[int]) -> LabelSet:
    usual = get_label_set("lod-brain-7")
    if max(present, default=0) < usual.num_classes:
        return usual
    return _numbered(list(range(max(present) + 1)))


def _renumbered(scan: Scan, present: list[int]) -> "tuple[NDArray[np.uint8], LabelSet]":
    """Numbers 1, 2, ... for those that there are, under their own names."""
    numbers = [0, *(n for n in present if n != 0)]
    if len(numbers) > _MOST + 1:
        msg = f"{scan.name}: {len(numbers)} different labels; expected at most {_MOST} to show"
        raise InputError(msg)
    values = np.searchsorted(numbers, scan.data).astype(np.uint8)
    return values, _numbered(numbers)


def _numbered(numbers: list[int]) -> LabelSet:
    labels = [
        Label(k, f"Label {n}" if n else "Background", str(n), _color(k), None)
        for k, n in enumerate(numbers)
    ]
    return LabelSet("numbers", tuple(labels))


def _color(index: int) -> str:
    """Colours that neighbours do not share: steps of the golden ratio around the circle."""
    hue = index * _GOLDEN % 1.0
    rgb = [0.5 + 0.45 * np.cos(2 * np.pi * (hue + shift / 3)) for shift in range(3)]
    return "#" + "".join(f"{round(255 * float(v)):02x}" for v in rgb)
