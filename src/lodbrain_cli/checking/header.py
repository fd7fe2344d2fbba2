"""What the header says: voxel size, axes, units, how the voxels are stored."""

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from nibabel.affines import obliquity, voxel_sizes
from nibabel.orientations import aff2axcodes

from ..imaging.nifti import Scan
from .findings import Finding, Verdict
from .thresholds import LONGEST_SIDE_MM, SHEAR_DEGREES, SIZE_DIFFERENCE, TILT_DEGREES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["header_findings"]

_UNITS = {0: "not said", 1: "metres", 2: "mm", 3: "micrometres"}


def header_findings(scan: Scan) -> tuple[Finding, ...]:
    """Look at everything that needs no intensities.

    Parameters
    ----------
    scan : Scan

    Returns
    -------
    tuple of Finding
        dimensions, voxel size, orientation, axes, units, data type.
    """
    return (
        _dimensions(scan),
        _voxel_size(scan),
        _orientation(scan),
        _axes(scan),
        _units(scan),
        _data_type(scan),
    )


def _dimensions(scan: Scan) -> Finding:
    shape = [int(n) for n in scan.data.shape]
    return Finding(
        "dimensions", Verdict.OK, " x ".join(map(str, shape)) + " voxels", {"shape": shape}
    )


def _voxel_size(scan: Scan) -> Finding:
    sizes = scan.voxel_size_mm
    said = np.asarray(scan.header.get_zooms()[:3], np.float64)
    text = " x ".join(f"{s:.3g}" for s in sizes) + " mm"
    factor = float(sizes.max())
    values = {
        "voxel_size_mm": [round(float(s), 4) for s in sizes],
        "upsampling": round(max(1.0, factor), 2),
    }
    if factor > LONGEST_SIDE_MM:
        text += (
            f"; up-sampled {factor:.1f} times to 1 mm: thick slices cost accuracy, small "
            "structures first"
        )
        return Finding("voxel size", Verdict.WARN, text, values)
    # Where both forms are set, "orientation" says how far they lie apart.
    single = _codes(scan) is not None and 0 in (_codes(scan) or ())
    if single and np.abs(said / sizes - 1).max() > SIZE_DIFFERENCE:
        pixdim = " x ".join(f"{s:.3g}" for s in said)
        text += f" in the affine, which is used, but {pixdim} in the header's pixdim"
        return Finding("voxel size", Verdict.WARN, text, values)
    if factor > 1.05:
        text += f"; up-sampled {factor:.1f} times to 1 mm"
    return Finding("voxel size", Verdict.OK, text, values)


def _codes(scan: Scan) -> tuple[int, int] | None:
    """Codes of qform and sform; None where the format has neither."""
    if not isinstance(scan.header, nib.Nifti1Header):
        return None
    return int(scan.header["qform_code"]), int(scan.header["sform_code"])


def _orientation(scan: Scan) -> Finding:
    codes = _codes(scan)
    values = {} if codes is None else {"qform_code": codes[0], "sform_code": codes[1]}
    if scan.warnings:  # of imaging.orientation, which is asked for label images too
        return Finding("orientation", Verdict.WARN, "; ".join(scan.warnings), values)
    if codes is None:
        return Finding("orientation", Verdict.OK, "set, as always in MGH", values)
    which = [name for name, code in zip(("qform", "sform"), codes, strict=True) if code]
    said = f"{which[0]} is set" if len(which) == 1 else "qform and sform agree"
    return Finding("orientation", Verdict.OK, said, values)


def _axes(scan: Scan) -> Finding:
    affine = scan.affine
    codes = "".join(aff2axcodes(affine))
    handed = "right" if np.linalg.det(affine[:3, :3]) > 0 else "left"
    tilt = float(np.rad2deg(obliquity(affine)).max())
    shear = _shear_degrees(affine)
    text = f"{codes}, {handed}-handed"
    values = {
        "axes": codes, "handedness": handed,
        "tilt_degrees": round(tilt, 2), "shear_degrees": round(shear, 2),
    }  # fmt: skip
    if tilt > 0.05:
        text += f", tilted by {tilt:.1f} degrees"
    if shear > SHEAR_DEGREES:
        text += f"; the axes are {shear:.1f} degrees off right angles: was the header edited?"
        return Finding("axes", Verdict.WARN, text, values)
    if tilt > TILT_DEGREES:
        text += (
            "; the header turns the volume further than scans are prescribed: make sure that "
            "left, front and top are where a viewer shows them"
        )
        return Finding("axes", Verdict.WARN, text, values)
    return Finding("axes", Verdict.OK, text, values)


def _shear_degrees(affine: "NDArray[np.float64]") -> float:
    """Largest deviation of two axes from a right angle."""
    directions = affine[:3, :3] / voxel_sizes(affine)
    cosines = (directions.T @ directions)[np.triu_indices(3, 1)]
    return float(np.rad2deg(np.arcsin(np.clip(np.abs(cosines), 0, 1))).max())


def _units(scan: Scan) -> Finding:
    if not isinstance(scan.header, nib.Nifti1Header):
        return Finding("units", Verdict.OK, "mm, as always in MGH", {"units": "mm"})
    code = int(scan.header["xyzt_units"]) & 7
    name = _UNITS.get(code, f"code {code}")
    values = {"units": name}
    if code in (0, 2):
        text = "mm" if code == 2 else "not said; taken as mm"
        return Finding("units", Verdict.OK, text, values)
    text = f"the header says {name}; taken as mm, as its numbers are those of a head in mm"
    return Finding("units", Verdict.WARN, text, values)


def _data_type(scan: Scan) -> Finding:
    stored = scan.header.get_data_dtype().newbyteorder("=")
    values = {"stored": str(stored), "slope": scan.slope}
    text = f"{stored}" if scan.slope == 1 else f"{stored}, slope {scan.slope:g}"
    if scan.slope < 0:
        text += ": a negative slope inverts the contrast; correct scl_slope if that is not meant"
        return Finding("data type", Verdict.WARN, text, values)
    odd = (stored.kind in "iu" and stored.itemsize == 8) or (
        stored.kind == "f" and stored.itemsize not in (4, 8)
    )
    if odd:
        text += ": many other programs cannot read it; int16 or float32 is usual"
        return Finding("data type", Verdict.WARN, text, values)
    return Finding("data type", Verdict.OK, text, values)
