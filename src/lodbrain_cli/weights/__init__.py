"""Where weights are, and how they come there: found, fetched, checked, bundled.

The only room that speaks HTTP. No file is used before its SHA-256 was seen to
be right, unless a user names that very file.
"""

from .bundle import add_file, write_bundle
from .store import (
    FoundWeights,
    WeightsStatus,
    cache_folder,
    expected_sha256,
    fetch,
    locate,
    obtain,
    status,
)

__all__ = [
    "FoundWeights",
    "WeightsStatus",
    "add_file",
    "cache_folder",
    "expected_sha256",
    "fetch",
    "locate",
    "obtain",
    "status",
    "write_bundle",
]
