"""Label images, probability maps, masks and brains with honest headers.

A header is made afresh (a copied one would carry slopes, types and patient
texts), and takes from the scan only its geometry: affine, codes and units, bit
for bit.
"""

import gzip
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.affines import from_matvec

from ..errors import UsageError
from ..files import replacing
from ..imaging.names import IMAGE_EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["Space", "check_image_name", "write_channels", "write_image"]

_INTENTS = {"label": 1002, "estimate": 1001, "none": 0}
_GEOMETRY = (
    "qform_code",
    "sform_code",
    "quatern_b",
    "quatern_c",
    "quatern_d",
    "qoffset_x",
    "qoffset_y",
    "qoffset_z",
    "srow_x",
    "srow_y",
    "srow_z",
)
# The four types that MGH knows, and what holds others without loss.
_MGH_TYPES = {
    "uint8": "uint8",
    "int8": "int16",
    "int16": "int16",
    "uint16": "int32",
    "int32": "int32",
}
# Columns: Left, Inferior, Anterior.
_LIA = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
# Label images of heads are mostly runs of one value: level 1 is as small and much faster.
_GZIP_LEVEL = 1


@dataclass(frozen=True)
class Space:
    """Grid of a result.

    Parameters
    ----------
    name : {"native", "conformed"}
    affine : (4, 4) float64 array
        Voxel index to world, RAS+ mm.
    shape : tuple of 3 int
    header : nibabel header or None
        Whose geometry is copied; None where the affine says all.
    """

    name: str
    affine: "NDArray[np.float64]"
    shape: tuple[int, int, int]
    header: Any = None

    @classmethod
    def of_no_scan(cls, shape: tuple[int, int, int]) -> "Space":
        """Give a grid like the conformed one, which is that of no scan: its middle is at 0."""
        return cls("conformed", from_matvec(_LIA, -_LIA @ ((np.array(shape) - 1) / 2)), shape)


def check_image_name(path: Path) -> None:
    """Refuse a name whose extension tells no image format.

    Raises
    ------
    UsageError
    """
    if not path.name.lower().endswith(IMAGE_EXTENSIONS):
        msg = f"{path}: expected a name ending in {', '.join(IMAGE_EXTENSIONS)}"
        raise UsageError(msg)


def write_image(
    path: Path,
    data: "NDArray[Any]",
    space: Space,
    intent: str,
    description: str,
    display_max: float = 0.0,
) -> None:
    """Write one 3-D image, whole or not at all.

    Parameters
    ----------
    path : Path
        Its extension chooses NIfTI or MGH; NIfTI-2 follows a NIfTI-2 scan.
    data : (X, Y, Z) array
        Written in its own data type, slope 1.
    space : Space
        Its grid.
    intent : {"label", "estimate", "none"}
        NIfTI intent: 1002, 1001 or 0.
    description : str
        Cut to the header's 79 bytes.
    display_max : float
        Value at the upper end of a viewer's range; 0 leaves it to the viewer.

    Raises
    ------
    UsageError
        On an unknown extension.
    OutputError
        When it cannot be written.
    """
    write_channels(path, [data], data.dtype, space, intent, description, display_max)


def write_channels(
    path: Path,
    channels: "Iterable[NDArray[Any]]",
    dtype: "np.dtype[Any]",
    space: Space,
    intent: str,
    description: str,
    display_max: float = 0.0,
    count: int | None = None,
) -> None:
    """Write volumes one after the other as the frames of one image.

    Only one channel is in memory at a time, if `channels` is a generator.

    Parameters
    ----------
    channels : iterable of (X, Y, Z) array
    dtype : numpy.dtype
        Of every voxel in the file.
    count : int, optional
        Number of channels, for a 4-D image; None for a 3-D one.
    path, space, intent, description, display_max
        As in :func:`write_image`.

    Raises
    ------
    UsageError, OutputError
        As in :func:`write_image`.
    """
    check_image_name(path)
    shape = space.shape if count is None else (*space.shape, count)
    with replacing(path) as temporary:
        if path.name.lower().endswith((".mgz", ".mgh")):
            data = np.stack(list(channels), axis=-1).reshape(shape)
            stored = _MGH_TYPES.get(np.dtype(dtype).name, "float32")
            nib.save(nib.freesurfer.MGHImage(data.astype(stored), space.affine), temporary)
            return
        header = _nifti_header(shape, dtype, space)
        header.set_intent(_INTENTS[intent], name="lodbrain")
        header["descrip"] = description.encode("ascii", "replace")[:79]
        header["cal_max"] = display_max
        stored = header.get_data_dtype()  # the header's byte order
        with _opened(temporary) as file:
            header.write_to(file)
            file.write(b"\0" * (int(header["vox_offset"]) - file.tell()))
            for channel in channels:
                file.write(np.asarray(channel, stored).tobytes(order="F"))


@contextmanager
def _opened(path: Path) -> "Iterator[IO[bytes]]":
    if path.name.endswith(".gz"):
        # No name and no time inside: the same result is the same bytes.
        with (
            path.open("wb") as raw,
            gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as file,
        ):
            yield file  # type: ignore[misc]
    else:
        with path.open("wb") as file:
            yield file


def _nifti_header(shape: tuple[int, ...], dtype: "np.dtype[Any]", space: Space) -> Any:
    source = space.header
    second = isinstance(source, nib.Nifti2Header) or max(shape) > 32767
    header: Any = (nib.Nifti2Header if second else nib.Nifti1Header)()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header["vox_offset"] = 544 if second else 352
    header.set_slope_inter(1, 0)
    header.set_xyzt_units("mm")
    if isinstance(source, nib.Nifti1Header):
        for field in _GEOMETRY:
            header[field] = source[field]
        header["pixdim"][:4] = source["pixdim"][:4]
        header["dim_info"] = source["dim_info"]
    else:
        header.set_qform(space.affine, code=1)
        header.set_sform(space.affine, code=1)
    return header
