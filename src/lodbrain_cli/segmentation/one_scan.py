"""The shortest way from a scan to its labels in Python."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..outputs.segmented import Segmentation
from .pipeline import Segmenter
from .scan_options import ScanOptions

if TYPE_CHECKING:
    from pathlib import Path

    from nibabel.spatialimages import SpatialImage

__all__ = ["segment"]


def segment(source: "str | Path | SpatialImage", **options: Any) -> Segmentation:
    """Segment one scan with a preset.

    Parameters
    ----------
    source : path or nibabel image
        T1w head: NIfTI or MGH.
    **options
        Of :class:`Segmenter` (``preset``, ``weights``, ``device``, ``engine``,
        ``threads``, ``precision``, ``memory``, ``level``, ``offline``) and of
        :class:`ScanOptions` (``frame``, ``space``, ``postprocess``, ``quality``,
        ``age``, ``agreement``).

    Returns
    -------
    Segmentation
        With ``.labels``, ``.probabilities``, ``.volumes`` and ``.save(path)``.

    Raises
    ------
    LodbrainError
        As those two do.

    Examples
    --------
    >>> from lodbrain_cli import segment
    >>> result = segment("T1.nii.gz")  # doctest: +SKIP
    >>> result.save("seg.nii.gz", volumes="volumes.tsv")  # doctest: +SKIP
    """
    of_scan = {f.name: options.pop(f.name) for f in fields(ScanOptions) if f.name in options}
    # Made first: what is wrong with it need not wait for a network.
    asked = ScanOptions(**of_scan)
    return Segmenter(**options).segment(source, asked)
