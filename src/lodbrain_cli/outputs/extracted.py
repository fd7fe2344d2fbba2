"""The files of a brain extraction."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..files import check_writable, remove
from .images import Space, check_image_name, write_image
from .record import record_path, timestamp, write_record
from .results import resolved

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ExtractionFiles", "write_extraction"]


@dataclass(frozen=True)
class ExtractionFiles:
    """Where the results of one scan go; None is not written.

    Parameters
    ----------
    brain : Path, optional
        Intensities inside the mask, 0 outside.
    mask : Path, optional
        uint8.
    probability, entropy, variance : Path, optional
        float32; entropy in bits.
    """

    brain: Path | None = None
    mask: Path | None = None
    probability: Path | None = None
    entropy: Path | None = None
    variance: Path | None = None

    def paths(self) -> dict[str, Path]:
        """Images that will be written, by kind."""
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        return {kind: path for kind, path in chosen.items() if path is not None}

    @property
    def record(self) -> Path:
        """Run record beside the first of them."""
        return record_path(next(iter(self.paths().values())))

    def check(self, *, overwrite: bool, scans: Collection[Path]) -> None:
        """Refuse before any work is done.

        Parameters
        ----------
        overwrite : bool
            Accept results that exist.
        scans : collection of Path
            Never a target; of :func:`.results.resolved`.

        Raises
        ------
        UsageError
            When two results share a name, a result is a scan, a name fits no
            image format, a folder is missing, or a result exists.
        """
        places = [resolved(path) for path in self.paths().values()]
        for place in places:
            if places.count(place) > 1 or place in scans:
                msg = f"{place}: is a scan, or named for two results; choose another name"
                raise UsageError(msg)
        for path in self.paths().values():
            check_image_name(path)
            check_writable(path, overwrite=overwrite)
        check_writable(self.record, overwrite=overwrite)


def write_extraction(
    files: ExtractionFiles,
    images: "dict[str, NDArray[Any]]",
    space: Space,
    record: dict[str, Any],
) -> None:
    """Write what was asked for, each file whole or not at all, the record last.

    Parameters
    ----------
    files : ExtractionFiles
    images : dict of str to (X, Y, Z) array
        By kind.
    space : Space
        Their grid.
    record : dict

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    remove(files.record)  # an older record would vouch for new files
    description = f"lodbrain {record['lodbrain']} w={record['weights']['sha256'][:8]}"
    for kind, path in files.paths().items():
        image = images[kind]
        if image.dtype == np.bool_:
            write_image(path, image.astype(np.uint8), space, "label", description, 1.0)
        else:
            intent = "none" if kind == "brain" else "estimate"
            write_image(path, image, space, intent, description)
    outputs = {kind: str(path) for kind, path in files.paths().items()}
    write_record(files.record, {**record, "ended": timestamp(), "outputs": outputs})
