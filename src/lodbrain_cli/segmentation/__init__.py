"""The pipeline of one scan, from its file to labels on its own grid."""

from ..outputs.segmented import Segmentation
from .case import Case
from .loading import LoadedNetwork, expected_hashes
from .one_scan import segment
from .pipeline import Segmenter
from .scan_options import ScanOptions

__all__ = [
    "Case",
    "LoadedNetwork",
    "ScanOptions",
    "Segmentation",
    "Segmenter",
    "expected_hashes",
    "segment",
]
