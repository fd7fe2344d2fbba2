"""What the header of a NIfTI file says of orientation, and where it contradicts itself."""

from typing import TYPE_CHECKING, Any

import nibabel as nib
from nibabel.spatialimages import HeaderDataError

from .corners import farthest_mm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["orientation_warnings"]

_NO_ORIENTATION = (
    "neither sform nor qform is set: the orientation is a guess "
    "(first axis towards the left), so left and right may be exchanged"
)
_APART_MM = 0.5


def orientation_warnings(
    header: Any, affine: "NDArray[np.float64]", shape: tuple[int, ...]
) -> list[str]:
    """Say what is odd about the orientation in a header, though it can be used.

    Parameters
    ----------
    header : nibabel header
    affine : (4, 4) float64 array
        Voxel index to world, RAS+ mm, that is used.
    shape : tuple of int
        Sides of the volume, in voxels.

    Returns
    -------
    list of str
        Empty for MGH, which has one orientation alone.
    """
    if not isinstance(header, nib.Nifti1Header):
        return []
    qcode, scode = int(header["qform_code"]), int(header["sform_code"])
    if qcode == 0 and scode == 0:
        return [_NO_ORIENTATION]
    if qcode == 0 or scode == 0:
        return []
    try:
        qform = header.get_qform()
    except (HeaderDataError, ValueError):
        return ["the qform is not valid; the sform is used"]
    distance = farthest_mm(qform, affine, shape[:3])
    if distance > _APART_MM:
        text = (
            f"qform and sform disagree by up to {distance:.1f} mm; "
            "the sform is used and both are copied to the results"
        )
        return [text]
    return []
