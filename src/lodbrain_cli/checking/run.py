"""The check of one scan: every item, one after the other."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..imaging.conform import ConformedGrid, to_conformed
from ..imaging.nifti import Scan, check_scan, read_image
from .contrast import contrast_finding
from .findings import Finding, Report, Verdict
from .header import header_findings
from .intensities import intensity_finding
from .noise import noise_finding
from .outline import find_outline
from .presence import field_of_view_finding, head_finding
from .skull import face_finding, skull_finding

if TYPE_CHECKING:
    import numpy as np
    from nibabel.spatialimages import SpatialImage
    from numpy.typing import NDArray

__all__ = ["check", "examine"]

_OF_A_HEAD = ("field of view", "noise", "contrast", "skull", "face")


def check(source: "str | Path | SpatialImage", frame: int | None = None) -> Report:
    """Look at a scan before it is segmented.

    Parameters
    ----------
    source, frame
        As in :func:`lodbrain_cli.imaging.nifti.read_image`.

    Returns
    -------
    Report
        Refused where :func:`lodbrain_cli.segment` would refuse the scan. Items
        of the image are left out then.
    """
    name = str(source) if isinstance(source, (str, Path)) else source.get_filename() or "image"
    try:
        scan = read_image(source, frame)
    except InputError as error:
        return Report(name, (_refusal(error, name),))
    readable = Finding("file", Verdict.OK, "readable")
    try:
        check_scan(scan)
    except InputError as error:
        return Report(name, (readable, *header_findings(scan), _refusal(error, name)))
    conformed, grid, cut = to_conformed(scan.data, scan.affine)
    return Report(name, (readable, *examine(scan, conformed, grid, cut)))


def examine(
    scan: Scan,
    conformed: "NDArray[np.float32]",
    grid: ConformedGrid,
    cut: tuple[str, ...],
) -> tuple[Finding, ...]:
    """Look at a scan that was read and conformed.

    Parameters
    ----------
    scan : Scan
        Finite and not constant.
    conformed : (256, 256, 256) float32 array
        Its intensities on the conformed grid; left as they are.
    grid : ConformedGrid
    cut : tuple of str
        What conforming said.

    Returns
    -------
    tuple of Finding
        One per item.
    """
    outline = find_outline(conformed, grid)
    head = head_finding(outline)
    found = (*header_findings(scan), intensity_finding(scan), head)
    if outline is None or head.verdict is Verdict.WARN:
        first, *others = (Finding(i, Verdict.UNKNOWN, "no head to look at") for i in _OF_A_HEAD)
        if cut:
            first = Finding(first.item, Verdict.WARN, "; ".join(cut))
        return (*found, first, *others)
    noise, skull = noise_finding(outline, scan.data), skull_finding(outline)
    return (
        *found,
        field_of_view_finding(outline, cut),
        noise,
        contrast_finding(outline, noisy=noise.verdict is Verdict.WARN),
        skull,
        face_finding(outline, stripped=skull.verdict is Verdict.WARN),
    )


def _refusal(error: InputError, name: str) -> Finding:
    """Item of what reading refused; the scan's name stands above the table already."""
    return Finding(error.about, Verdict.REFUSE, str(error).removeprefix(f"{name}: "))
