"""A segmented scan in memory: labels, probabilities, volumes, and how it came about."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import remove, write_text
from ..imaging.conform import ConformedGrid
from ..imaging.nifti import Scan
from ..imaging.probability_maps import ProbabilityMaps
from ..imaging.volumetry import StructureVolume
from ..labels import LabelSet
from ..quality import Quality, Trust
from .images import Space, write_channels, write_image
from .pictures import write_pictures
from .record import timestamp, write_record
from .results import Results, resolved
from .sidecars import sidecar
from .tables import label_table, volumes_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .report.reference import LabelSource

__all__ = ["Segmentation"]


@dataclass(frozen=True)
class Segmentation:
    """A segmented scan.

    Parameters
    ----------
    labels : (X, Y, Z) uint8 array
        On `space`'s grid; what the numbers mean is in `label_set`.
    space : Space
        Grid of all results: the scan's own, or the conformed one.
    label_set : LabelSet
    volumes : tuple of StructureVolume
        Counted on `space`'s grid.
    scan : Scan
        What was segmented.
    record : dict
        The run record, as JSON-ready values.
    others : tuple of Segmentation
        By the further label sets of a network that has several, in their order.
    disagreement : (X, Y, Z) float32 array or None
        Where those differ in tissue; see
        :func:`lodbrain_cli.segmentation.disagreement.disagreement`.
    quality : Quality or None
        Whether the result is to be trusted; None where it was not asked.
    """

    labels: "NDArray[np.uint8]"
    space: Space
    label_set: LabelSet
    volumes: tuple[StructureVolume, ...]
    scan: Scan
    record: dict[str, Any]
    _way: ConformedGrid = field(repr=False)
    _maps: ProbabilityMaps = field(repr=False)
    _conformed_image: "NDArray[np.float32] | None" = field(repr=False)
    others: "tuple[Segmentation, ...]" = field(default=(), repr=False)
    disagreement: "NDArray[np.float32] | None" = field(default=None, repr=False)
    quality: Quality | None = None

    @property
    def distrusted(self) -> bool:
        """Whether the result was judged and is not to be trusted."""
        return self.quality is not None and self.quality.trust is Trust.FAIL

    @property
    def affine(self) -> "NDArray[np.float64]":
        """(4, 4) voxel index of the results to world, RAS+ mm."""
        return self.space.affine

    @property
    def image(self) -> "NDArray[np.float32]":
        """(X, Y, Z) T1w intensities on the grid of the results."""
        return self.scan.data if self._conformed_image is None else self._conformed_image

    @property
    def probabilities(self) -> "NDArray[np.float32]":
        """(X, Y, Z, C) class probabilities on the grid of the results.

        The labels are their argmax. After post-processing they need not sum
        to 1: see :mod:`lodbrain_cli.postprocessing`.
        Computed on each access; a 0.7 mm scan needs over a gigabyte.
        """
        return np.stack(list(self.channels()), axis=-1)

    def channels(self) -> "Iterator[NDArray[np.float32]]":
        """Yield the probability of each class, (X, Y, Z) float32, one at a time."""
        for index, values in enumerate(self._maps.values):
            outside = self._maps.outside(index)  # all there is beyond the conformed grid too
            yield self._way.to_native(values, outside, origin=self._maps.origin)

    def save(self, path: str | Path, **others: Any) -> "Results":
        """Write the labels, and beside them names with colours and the run record.

        Parameters
        ----------
        path : path
            Label image; its extension chooses NIfTI or MGH.
        **others
            ``probabilities``, ``brain_mask``, ``brain``, ``volumes``, ``report``,
            ``snapshot``: paths of further results; ``overwrite`` (bool): replace what
            exists; ``reference`` (:class:`.report.reference.LabelSource`): labels by
            others, to switch to in the report; ``source_uri`` (str): BIDS URI of the
            scan, for sidecars of the images.

        Returns
        -------
        Results
            Paths of all that was written.

        Raises
        ------
        UsageError
            When a target exists, its folder is missing, or its name fits no format.
        OutputError
            When the disk is full or not writable; nothing half-written stays.

        Notes
        -----
        A report or snapshot that cannot be made does not take the labels along: they
        are written, and the record's ``not_written`` says what is missing and why.
        """
        reference = others.pop("reference", None)
        overwrite = bool(others.pop("overwrite", False))
        source_uri = others.pop("source_uri", None)
        protocols = tuple(s.label_set.entity for s in (self, *self.others)) if self.others else ()
        chosen = {k: Path(v) for k, v in others.items() if v is not None}
        results = Results(Path(path), **chosen, protocols=protocols, source_uri=source_uri)
        scans = [resolved(self.scan.path)] if self.scan.path else []
        results.check(overwrite=overwrite, scans=scans)
        _write_all(self, results, reference)
        return results


def _write_all(
    result: Segmentation, targets: Results, reference: "LabelSource | None" = None
) -> None:
    """Write everything asked for, each file whole or not at all, the record last."""
    version = result.record["lodbrain"]
    description = f"lodbrain {version} w={result.record['weights']['sha256'][:8]}"
    space = result.space
    remove(targets.record)  # an older record would vouch for new files
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
    for other in result.others:
        _write_protocol(other, targets.of_protocol(other.label_set.entity), description)
    if targets.disagreement is not None:
        if result.disagreement is None:
            remove(targets.disagreement)  # an older map would be taken for that of these labels
        else:
            write_image(
                targets.disagreement, result.disagreement, space, "estimate", description, 1.0
            )
    missing = write_pictures(result, targets, reference)
    result.record["not_written"] = missing
    for kind, path in targets.sidecars().items():
        name = kind.removeprefix("labels_")
        label_set = next(
            (other.label_set for other in result.others if other.label_set.entity == name),
            result.label_set,
        )
        write_text(path, sidecar(kind, label_set, result.record, str(targets.source_uri)))
    left_out = {*missing, *(["disagreement"] if result.disagreement is None else [])}
    outputs = {k: str(path) for k, path in targets.paths().items() if k not in left_out}
    write_record(targets.record, {**result.record, "ended": timestamp(), "outputs": outputs})


def _write_protocol(result: Segmentation, targets: Results, description: str) -> None:
    """Write the labels of a further label set, their names and volumes."""
    highest = float(result.label_set.num_classes - 1)
    write_image(targets.labels, result.labels, result.space, "label", description, highest)
    write_text(targets.label_names, label_table(result.label_set, "tsv"))
    if targets.volumes:
        write_text(targets.volumes, volumes_table(result.volumes, result.space.name))


def _brain(result: Segmentation, mask: "NDArray[np.uint8]") -> "NDArray[Any]":
    """Intensities under the mask, in the scan's own type where that is exact."""
    brain = result.image * mask
    stored = result.scan.stored_dtype
    if result.space.name == "native" and stored.kind in "iu" and stored.itemsize <= 2:
        return brain.astype(stored)
    return brain
