"""lodbrain: brain-MRI segmentation at progressive levels of detail.

>>> from lodbrain_cli import segment
>>> result = segment("T1.nii.gz")  # doctest: +SKIP
>>> result.save("seg.nii.gz")  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .outputs.segmented import Segmentation
    from .segmentation import ScanOptions, Segmenter, segment

__all__ = ["ScanOptions", "Segmentation", "Segmenter", "segment"]


def __getattr__(name: str) -> Any:
    # Importing the package must cost nothing: the command line starts with it.
    if name in __all__:
        from . import segmentation

        return getattr(segmentation, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
