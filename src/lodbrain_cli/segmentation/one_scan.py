"""The shortest way from a scan to its labels in Python."""

from typing import TYPE_CHECKING, Any

from ..outputs.segmented import Segmentation
from .pipeline import Segmenter

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
        ``threads``, ``precision``, ``memory``, ``level``, ``offline``) and
        :meth:`Segmenter.segment` (``frame``, ``space``, ``postprocess``, ``quality``,
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
    names = ("frame", "space", "postprocess", "quality", "age", "agreement")
    of_scan = {k: options.pop(k) for k in names if k in options}
    return Segmenter(**options).segment(source, **of_scan)
