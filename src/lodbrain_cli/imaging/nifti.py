"""Read one T1w scan from NIfTI or MGH, or refuse it in one clear line."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.filebasedimages import ImageFileError
from nibabel.freesurfer.mghformat import MGHError
from nibabel.spatialimages import HeaderDataError, SpatialImage

from ..errors import InputError
from .names import IMAGE_EXTENSIONS
from .orientation import orientation_warnings

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Scan", "check_scan", "read_image", "read_t1w"]

_SMALLEST_MM, _LARGEST_MM = 0.05, 20.0
_MOST_VOXELS = 2**31
_LARGEST_INTENSITY = 1e12  # squares are summed in single precision later
# What nibabel and the decompressors raise on files that are cut or scrambled.
_DAMAGED = (
    ImageFileError,
    HeaderDataError,
    MGHError,
    EOFError,
    zlib.error,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
)
_FORMATS = (nib.Nifti1Image, nib.Nifti2Image, nib.freesurfer.MGHImage)


@dataclass(frozen=True)
class Scan:
    """A scan as read, on its own grid.

    Parameters
    ----------
    data : (X, Y, Z) float32 array
        Intensities after the header's slope and intercept.
    affine : (4, 4) float64 array
        Voxel index to world, RAS+ mm.
    header : nibabel header
        Of the file, for copying its geometry to results.
    name : str
        What to call the scan in messages.
    path : Path or None
        Where it was read from.
    stored_dtype : numpy.dtype
        Data type of the voxels in the file, slope applied.
    slope : float
        That stored values were multiplied by.
    warnings : tuple of str
        What is odd about its orientation, though it can be used.
    """

    data: "NDArray[np.float32]"
    affine: "NDArray[np.float64]"
    header: Any
    name: str
    path: Path | None = None
    stored_dtype: "np.dtype[Any]" = field(default_factory=lambda: np.dtype(np.float32))
    slope: float = 1.0
    warnings: tuple[str, ...] = ()

    @property
    def voxel_size_mm(self) -> "NDArray[np.float64]":
        """(3,) voxel sides in mm."""
        sizes: NDArray[np.float64] = voxel_sizes(self.affine)
        return sizes


def read_t1w(source: "str | Path | SpatialImage", frame: int | None = None) -> Scan:
    """Read and check one scan.

    Parameters
    ----------
    source, frame
        As in :func:`read_image`.

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        As :func:`read_image`, and when the intensities are not finite or constant.
    """
    scan = read_image(source, frame)
    check_scan(scan)
    return scan


def read_image(source: "str | Path | SpatialImage", frame: int | None = None) -> Scan:
    """Read one 3-D image, whatever its values are: a scan or a label image.

    Parameters
    ----------
    source : path or nibabel image
        NIfTI-1, NIfTI-2 (``.nii``, ``.nii.gz``), MGH or MGZ.
    frame : int, optional
        Which frame of a 4-D image to take, counted from 0. A 4-D image with
        one frame needs none.

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        When there is no such file, it is no image or is truncated; it is not
        one 3-D volume; or voxel sizes or affine are absurd. The message says
        what to do.
    """
    image, path = _open(source)
    name = str(path) if path is not None else "image"
    try:
        data, dtype = _frame(image, frame, name)
        # An image made in memory without an affine has what its file would have.
        found = image.header.get_best_affine() if image.affine is None else image.affine
        affine = np.asarray(found, np.float64)
    except _DAMAGED as error:
        msg = f"{name}: truncated or damaged ({_one_line(error)}); copy or convert it again"
        raise InputError(msg) from error
    warnings = _check_geometry(image, affine, data.shape, name)
    slope = float(getattr(image.dataobj, "slope", 1.0))
    return Scan(data, affine, image.header, name, path, dtype, slope, tuple(warnings))


def check_scan(scan: Scan) -> None:
    """Refuse intensities that no network can use.

    Raises
    ------
    InputError
        On NaN or infinite voxels, or when all voxels are equal.
    """
    finite = np.isfinite(scan.data)
    if not finite.all():
        bad = int(finite.size - np.count_nonzero(finite))
        msg = (
            f"{scan.name}: {bad} of {finite.size} voxels are NaN or infinite; expected "
            "finite intensities; replace them, for instance with 0, and try again"
        )
        raise InputError(msg, about="intensities")
    if np.abs(scan.data).max() > _LARGEST_INTENSITY:
        msg = (
            f"{scan.name}: intensities up to {np.abs(scan.data).max():g}; expected less than "
            f"{_LARGEST_INTENSITY:g}; is the file damaged?"
        )
        raise InputError(msg, about="intensities")
    if scan.data.min() == scan.data.max():
        msg = (
            f"{scan.name}: all voxels have the value {scan.data.flat[0]:g}; "
            "expected a T1w image of a head"
        )
        raise InputError(msg, about="intensities")


def _open(source: "str | Path | SpatialImage") -> tuple[Any, Path | None]:
    if isinstance(source, SpatialImage):
        filename = source.get_filename()
        return source, Path(filename) if filename else None
    path = Path(source)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        msg = f"{path}: no such file"
        raise InputError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error})"
        raise InputError(msg) from error
    if not path.is_file() or not path.name.lower().endswith(IMAGE_EXTENSIONS):
        msg = f"{path}: not a scan; expected a file named {', '.join(IMAGE_EXTENSIONS)}"
        raise InputError(msg)
    if size == 0:
        msg = f"{path}: the file is empty; copy or convert it again"
        raise InputError(msg)
    try:
        image = nib.load(path)
    except PermissionError as error:
        msg = f"{path}: cannot be read ({error.strerror}); check its permissions"
        raise InputError(msg) from error
    except _DAMAGED as error:
        msg = f"{path}: not a readable NIfTI or MGH image ({_one_line(error)})"
        raise InputError(msg) from error
    if not isinstance(image, _FORMATS):
        msg = f"{path}: {type(image).__name__} is not read; expected NIfTI or MGH"
        raise InputError(msg)
    return image, path


def _frame(image: Any, frame: int | None, name: str) -> "tuple[NDArray[np.float32], np.dtype[Any]]":
    """One 3-D frame as float32 and the type it had."""
    shape = image.shape
    if len(shape) < 3 or min(shape[:3]) < 2:
        msg = f"{name}: expected one 3-D volume, got shape {shape}: a single slice or less"
        raise InputError(msg, about="dimensions")
    if np.prod(shape, dtype=np.float64) > _MOST_VOXELS:
        msg = f"{name}: the header claims {shape} voxels; expected fewer than 2^31; is it damaged?"
        raise InputError(msg, about="dimensions")
    dtype = image.get_data_dtype()
    if dtype.fields is not None or dtype.kind not in "iuf":
        msg = f"{name}: voxels of type {dtype} (colour or complex); expected one grey value each"
        raise InputError(msg, about="data type")
    frames = int(np.prod(shape[3:], dtype=np.int64))
    if (len(shape) > 4 and frames > 1) or frames == 0:
        msg = f"{name}: expected one 3-D volume, got shape {shape}; extract one volume first"
        raise InputError(msg, about="dimensions")
    if frames > 1 and frame is None:
        msg = (
            f"{name}: expected one 3-D volume, got {frames} frames (shape {shape}); "
            f"choose one with --frame 0 ... --frame {frames - 1}"
        )
        raise InputError(msg, about="dimensions")
    index = 0 if frame is None else frame
    if not 0 <= index < max(frames, 1):
        msg = f"{name}: no frame {index}; it has {max(frames, 1)}, counted from 0"
        raise InputError(msg, about="dimensions")
    if len(shape) == 3:
        values = np.asanyarray(image.dataobj)
    else:
        values = np.asanyarray(image.dataobj[(..., index, *(0 for _ in shape[4:]))])
    with np.errstate(over="ignore"):  # an overflow to infinity is refused later
        return np.ascontiguousarray(values, np.float32), values.dtype.newbyteorder("=")


def _check_geometry(
    image: Any, affine: "NDArray[np.float64]", shape: tuple[int, ...], name: str
) -> list[str]:
    header = image.header
    zooms = _stored_zooms(image)
    sizes = voxel_sizes(affine)
    for kind, values in (("header", zooms), ("affine", sizes)):
        sensible = np.isfinite(values) & (values >= _SMALLEST_MM) & (values <= _LARGEST_MM)
        if not sensible.all():
            got = " x ".join(f"{value:g}" for value in values)
            msg = (
                f"{name}: voxel size {got} mm in the {kind}; expected {_SMALLEST_MM} to "
                f"{_LARGEST_MM} mm; correct the header (are the units mm?)"
            )
            raise InputError(msg, about="voxel size")
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3] / sizes)) < 1e-2:
        msg = f"{name}: the affine is singular: its axes do not span space; correct the header"
        raise InputError(msg, about="axes")
    return orientation_warnings(header, affine, shape)


def _stored_zooms(image: Any) -> "NDArray[np.float64]":
    """(3,) voxel sides as the file has them; nibabel turns zeros into ones."""
    header = image.header
    holder = image.file_map["image"] if image.file_map else None
    if isinstance(header, nib.Nifti1Header) and holder is not None and holder.filename:
        with holder.get_prepare_fileobj("rb") as file:
            header = type(header).from_fileobj(file, check=False)
        return np.abs(np.asarray(header["pixdim"][1:4], np.float64))
    return np.asarray(header.get_zooms()[:3], np.float64)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
