"""Labels by others, to be shown beside a result: a reference, another model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ...imaging.label_image import LabelImage, read_any_labels, reduce_numbers, to_grid_of
from ...labels import LABEL_MAPS, LabelMap, LabelSet
from ..display import Overlay

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LabelSource"]


@dataclass(frozen=True)
class LabelSource:
    """A label image and the protocol of its numbers.

    Parameters
    ----------
    path : Path
    protocol : str
        Name of a label map, or ``auto``: the first that knows all numbers of the file.
    """

    path: Path
    protocol: str = "auto"

    def read(self, label_set: LabelSet) -> LabelImage:
        """Read it, reduced to a label set.

        Raises
        ------
        InputError
            When it cannot be read, or its numbers are of no protocol that leads there.
        """
        scan, present = read_any_labels(self.path)
        for label_map in self._maps(label_set):
            if all(label_map.knows(number) for number in present):
                labels = reduce_numbers(scan.data, label_map)
                return LabelImage(labels, scan.affine, scan.name)
        names = ", ".join(each.name for each in self._maps(label_set))
        unknown = max(present, default=0)
        msg = (
            f"{self.path}: label numbers up to {unknown} do not lead to the label set "
            f"{label_set.name!r} by {names}; name another file or --ref-label-map"
        )
        raise InputError(msg)

    def overlay(
        self, label_set: LabelSet, labels: "NDArray[np.uint8]", affine: "NDArray[np.float64]"
    ) -> Overlay:
        """Bring it to the grid of a result, by the nearest voxel.

        Parameters
        ----------
        label_set : LabelSet
        labels : (X, Y, Z) uint8 array
            The result.
        affine : (4, 4) float64 array
            Of its grid.

        Raises
        ------
        InputError
            As :meth:`read`.
        """
        grid = LabelImage(labels, affine, "the result")
        moved = to_grid_of(self.read(label_set), grid, resampling=True)
        return Overlay(self.path.name, moved, label_set)

    def _maps(self, label_set: LabelSet) -> list[LabelMap]:
        own = LabelMap(
            label_set.name,
            label_set.name,
            tuple(frozenset((x.index,)) for x in label_set.structures),
            frozenset((0,)),
        )
        others = [m for m in LABEL_MAPS.values() if m.label_set == label_set.name != m.name]
        if self.protocol == "auto":
            return [own, *others]
        return [m for m in (own, *others) if m.name == self.protocol] or [own]
