"""A probability map over its scan, to be drawn."""

import json
from pathlib import Path

import numpy as np

from ..errors import InputError, UsageError
from ..imaging.nifti import Scan, read_image
from ..labels import Label, LabelSet
from ..outputs.display import Display, Overlay, make_display
from ..outputs.palette import PALETTE
from .labels import display_of_files, scan_under

__all__ = ["picture_of_files"]

_TOLERANCE = 1e-3  # of what interpolation and storing as integers add


def picture_of_files(
    path: Path, image: Path | None = None, *, frame: int | None = None, name: str | None = None
) -> Display:
    """Read labels or a probability map with the scan under it.

    Parameters
    ----------
    path : Path
        Label image (as for :func:`.labels.display_of_files`), or probabilities from 0 to 1: an
        image with fractions, or with several frames, as `segment --probabilities` writes it.
    image : Path, optional
        The scan; default: that of the run record beside `path`, and black where there is none.
    frame : int, optional
        Which of several frames, from 0: the number of the label.
    name : str, optional
        What the map is called; default: as the BIDS sidecar names the frame, else the file.

    Returns
    -------
    Display
        Of a map: the probability, with an overlay where it is 0.5 and more.

    Raises
    ------
    InputError
        When a file cannot be read, or the values are neither labels nor probabilities.
    UsageError
        When labels are to be given a name.
    """
    scan = read_image(path, frame)
    if frame is None and bool((scan.data == np.rint(scan.data)).all()):
        if name is not None:
            msg = f"{path}: holds labels, which have names of their own; leave out --name"
            raise UsageError(msg)
        return display_of_files(path, image)
    low, high = float(scan.data.min()), float(scan.data.max())
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):  # also where one is not a number
        msg = f"{path}: values from {low:g} to {high:g}; expected labels, or probabilities in 0..1"
        raise InputError(msg)
    called = name or _named_beside(path, frame) or _file_and_frame(scan, frame)
    inside = Label(1, called, called, PALETTE[0], None)
    outside = Label(0, "Background", "BG", "#000000", None)
    shown, grey = scan_under(path, scan, image)
    overlay = Overlay(
        called, (scan.data >= 0.5).astype(np.uint8), LabelSet("probability", (outside, inside))
    )
    return make_display(shown, grey, scan.affine, [overlay], scan.data)


def _named_beside(path: Path, frame: int | None) -> str | None:
    """Name of a frame by the LabelMap of the sidecar; None where there is none to be read."""
    sidecar = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    try:
        names = json.loads(sidecar.read_bytes())["LabelMap"]
        name = names[frame]
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return name if isinstance(names, list) and isinstance(name, str) and name else None


def _file_and_frame(scan: Scan, frame: int | None) -> str:
    file = Path(scan.name).name
    return file if frame is None else f"{file}, frame {frame}"
