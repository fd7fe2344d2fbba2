"""Which files the results of one scan go to."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import UsageError
from ..files import check_writable
from .images import check_image_name
from .record import record_path

__all__ = ["Results", "resolved"]


@dataclass(frozen=True)
class Results:
    """Where the results of one scan go; None is not written.

    Parameters
    ----------
    labels : Path
        Label image, uint8.
    probabilities : Path, optional
        4-D float32 image, one frame per class.
    brain_mask : Path, optional
        uint8, 1 where any structure is.
    brain : Path, optional
        The scan's intensities inside the brain mask, 0 outside.
    volumes : Path, optional
        TSV.
    """

    labels: Path
    probabilities: Path | None = None
    brain_mask: Path | None = None
    brain: Path | None = None
    volumes: Path | None = None

    @property
    def label_names(self) -> Path:
        """BIDS-style TSV of names and colours beside the labels."""
        return self._beside(".tsv")

    @property
    def record(self) -> Path:
        """Run record beside the labels; it is written last."""
        return record_path(self.labels)

    @property
    def failure(self) -> Path:
        """Record of why there is no result, of a scan of many."""
        return self._beside("_failed.json")

    @property
    def log(self) -> Path:
        """What was said while the scan was worked on, one of many."""
        return self._beside("_run.log")

    def _beside(self, ending: str) -> Path:
        return self.record.with_name(self.record.name.removesuffix("_run.json") + ending)

    def paths(self) -> dict[str, Path]:
        """Everything that will be written, by kind, the record last."""
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        chosen["label_names"] = self.label_names
        chosen["record"] = self.record
        return {kind: path for kind, path in chosen.items() if path is not None}

    def check(
        self, *, overwrite: bool, make_folders: bool = False, scans: Collection[Path] = ()
    ) -> None:
        """Refuse before any work is done.

        Parameters
        ----------
        overwrite : bool
            Accept results that exist.
        make_folders : bool
            Accept missing folders that could be made.
        scans : collection of Path
            Never a target, whatever may be overwritten; of :func:`resolved`.

        Raises
        ------
        UsageError
            When two results share a name, a name fits no image format, a
            folder is missing or not writable, or a result exists.
        """
        paths = self.paths()
        places = [resolved(path) for path in paths.values()]
        for place in places:
            if places.count(place) > 1:
                msg = f"{place}: two results would have this name; choose another"
                raise UsageError(msg)
            if place in scans:
                msg = f"{place}: is a scan that is to be segmented; choose another name"
                raise UsageError(msg)
        for kind in ("labels", "probabilities", "brain_mask", "brain"):
            if kind in paths:
                check_image_name(paths[kind])
        for path in paths.values():
            check_writable(path, overwrite=overwrite, make_folders=make_folders)


def resolved(path: Path) -> Path:
    """Absolute path without links, by which a file is known however it is named.

    Raises
    ------
    UsageError
        When the path cannot be followed.
    """
    try:
        return path.resolve()
    except OSError as error:
        msg = f"{path}: not a usable path ({error.strerror or error})"
        raise UsageError(msg) from error
