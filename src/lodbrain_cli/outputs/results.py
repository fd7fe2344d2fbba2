"""All files of one segmented scan."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..files import check_writable, write_text
from .images import check_image_name, write_channels, write_image
from .record import record_path, timestamp, write_record
from .tables import label_table, volumes_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .segmented import Segmentation

__all__ = ["Results", "save_results"]


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
        return self.record.with_name(self.record.name.removesuffix("_run.json") + ".tsv")

    @property
    def record(self) -> Path:
        """Run record beside the labels; it is written last."""
        return record_path(self.labels)

    def paths(self) -> dict[str, Path]:
        """Everything that will be written, by kind, the record last."""
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        chosen["label_names"] = self.label_names
        chosen["record"] = self.record
        return {kind: path for kind, path in chosen.items() if path is not None}

    def check(self, *, overwrite: bool, make_folders: bool = False) -> None:
        """Refuse before any work is done.

        Parameters
        ----------
        overwrite : bool
            Accept results that exist.
        make_folders : bool
            Accept missing folders that could be made.

        Raises
        ------
        UsageError
            When two results share a name, a name fits no image format, a
            folder is missing or not writable, or a result exists.
        """
        paths = self.paths()
        places = [path.absolute() for path in paths.values()]
        for place in places:
            if places.count(place) > 1:
                msg = f"{place}: two results would have this name; choose another"
                raise UsageError(msg)
        for kind in ("labels", "probabilities", "brain_mask", "brain"):
            if kind in paths:
                check_image_name(paths[kind])
        for path in paths.values():
            check_writable(path, overwrite=overwrite, make_folders=make_folders)


def save_results(result: "Segmentation", targets: Results) -> None:
    """Write everything asked for, each file whole or not at all, the record last.

    Parameters
    ----------
    result : Segmentation
    targets : Results
        Checked already.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    version = result.record["lodbrain"]
    description = f"lodbrain {version} w={result.record['weights']['sha256'][:8]}"
    space = result.space
    targets.record.unlink(missing_ok=True)  # an older record would vouch for new files
    highest = float(result.label_set.num_classes - 1)
    write_image(targets.labels, result.labels, space, "label", description, highest)
    write_text(targets.label_names, label_table(result.label_set, "tsv"))
    mask = (result.labels > 0).astype(np.uint8)
    if targets.brain_mask:
        write_image(targets.brain_mask, mask, space, "label", description, 1.0)
    if targets.brain:
        write_image(targets.brain, _brain(result, mask), space, "none", description)
    if targets.probabilities:
        write_channels(
            targets.probabilities,
            result.channels(),
            np.dtype(np.float32),
            space,
            "estimate",
            description,
            1.0,
            count=result.label_set.num_classes,
        )
    if targets.volumes:
        write_text(targets.volumes, volumes_table(result.volumes, space.name))
    outputs = {kind: str(path) for kind, path in targets.paths().items()}
    write_record(targets.record, {**result.record, "ended": timestamp(), "outputs": outputs})


def _brain(result: "Segmentation", mask: "NDArray[np.uint8]") -> "NDArray[Any]":
    """Intensities under the mask, in the scan's own type where that is exact."""
    brain = result.image * mask
    stored = result.scan.stored_dtype
    if result.space.name == "native" and stored.kind in "iu" and stored.itemsize <= 2:
        return brain.astype(stored)
    return brain
