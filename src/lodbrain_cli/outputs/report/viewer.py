"""What the interactive viewer needs, as text for a page: NiiVue, and the images.

NiiVue comes from the package ``ipyniivue`` (extra ``report``), whose ES module draws for a
model as Jupyter's widgets have it; ``viewer.js`` is such a model. Nothing of it is loaded:
importing the package would load Jupyter's widgets.
"""

import base64
import gzip
import hashlib
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

from ...errors import UsageError
from ...imaging.resample import mean_pooled
from ..display import Display, Overlay

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["NIIVUE", "images_of", "niivue_script"]

#: The package that NiiVue comes from, its version and the SHA-256 of the script.
NIIVUE = ("ipyniivue", "2.4.4", "922951141f03da6294cc74a7c520d694a9723733ee25d997b85da8136057a96b")
_SCRIPT = "ipyniivue/static/widget.js"
# Larger scans are shown at half their resolution, so that a page stays below 15 MB.
_MOST_BYTES = 8_500_000
# Level 4: noise does not get smaller beyond, and a page is not to take seconds.
_GZIP_LEVEL = 4


def niivue_script() -> str:
    """NiiVue's ES module, compressed (gzip) and in base64.

    Raises
    ------
    UsageError
        When the package is missing, of another version, or holds another script.
    """
    name, version, sha256 = NIIVUE
    hint = "install it with: pip install 'lodbrain[report]'"
    try:
        package = metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        msg = f"reports need the package {name}; {hint}"
        raise UsageError(msg) from error
    if package.version != version:
        msg = f"reports need {name} {version}, found {package.version}; {hint}"
        raise UsageError(msg)
    return _packed(package.locate_file(_SCRIPT), sha256, hint)  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def _packed(path: "Path", sha256: str, hint: str) -> str:
    """Read once for all scans of a batch."""
    try:
        script = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); {hint}"
        raise UsageError(msg) from error
    if hashlib.sha256(script).hexdigest() != sha256:
        msg = f"{path}: is not the file that lodbrain was tested with; {hint}"
        raise UsageError(msg)
    return _base64(gzip.compress(script, 9, mtime=0))


def images_of(display: Display) -> tuple[dict[str, Any], list[str]]:
    """Pack a scan and its labels for the viewer.

    Returns
    -------
    facts : dict
        Ready for JSON: ``window`` (2 floats), ``range`` (2 floats), ``reduced`` (bool),
        ``shape`` and ``middle`` (3 voxels) and ``overlays`` (name; per structure index,
        name, colour).
    images : list of str
        The scan, then each overlay: NIfTI, gzip, base64.
    """
    slope = (display.intensity[1] - display.intensity[0]) / 255
    packed = _volume(display.image, display.affine, slope, display.intensity[0])
    labels = [each.labels for each in display.overlays]
    affine, reduced = display.affine, len(packed) > _MOST_BYTES
    if reduced:
        packed = _volume(*_halved(display.image, affine), slope, display.intensity[0])
        labels = [each[::2, ::2, ::2] for each in labels]
        affine = affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    images = [packed, *(_volume(each, affine) for each in labels)]
    facts = {
        "range": [round(v, 4) for v in display.intensity],
        "window": [round(v, 4) for v in display.window],
        "reduced": reduced,
        "shape": [int(n) for n in labels[0].shape],
        "middle": _middle(labels[0]),
        "overlays": [_facts_of(each) for each in display.overlays],
    }
    return facts, [_base64(each) for each in images]


def _halved(
    image: "NDArray[np.uint8]", affine: "NDArray[np.float64]"
) -> "tuple[NDArray[np.uint8], NDArray[np.float64]]":
    """Mean of every eight voxels; the affine leads to their middle."""
    even = image[tuple(slice(n - n % 2) for n in image.shape)]
    coarser = affine.copy()
    coarser[:3, :3] *= 2
    coarser[:3, 3] += affine[:3, :3] @ np.full(3, 0.5)
    return np.rint(mean_pooled(even.astype(np.float32), 2)).astype(np.uint8), coarser


def _volume(
    values: "NDArray[np.uint8]",
    affine: "NDArray[np.float64]",
    slope: float = 1.0,
    inter: float | None = None,
) -> bytes:
    """NIfTI, gzip: of intensities, or without an `inter` of labels."""
    header = nib.Nifti1Header()
    header.set_intent("none" if inter is not None else 1002)
    header.set_data_dtype(np.uint8)
    header.set_data_shape(values.shape)
    header.set_slope_inter(slope, inter or 0.0)
    header.set_xyzt_units("mm")
    header.set_qform(affine, code=1)
    header.set_sform(affine, code=1)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return gzip.compress(
        header.binaryblock + b"\0" * 4 + values.tobytes(order="F"), _GZIP_LEVEL, mtime=0
    )


def _middle(labels: "NDArray[np.uint8]") -> list[int]:
    """Voxel in the middle of what is labelled, or of everything."""
    middle = []
    for axis, count in enumerate(labels.shape):
        others: Any = tuple(i for i in range(3) if i != axis)
        places = np.flatnonzero(labels.any(axis=others))
        middle.append(int(places[[0, -1]].mean()) if len(places) else count // 2)
    return middle


def _facts_of(overlay: Overlay) -> dict[str, Any]:
    return {
        "name": overlay.name,
        "structures": [
            {"index": x.index, "name": x.name, "color": color}
            for x, color in zip(overlay.label_set.structures, overlay.colors, strict=True)
        ],
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
