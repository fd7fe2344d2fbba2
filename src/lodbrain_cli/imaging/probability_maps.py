"""Class probabilities of a volume, stored where there is anything but background."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from .components import grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ProbabilityMaps", "backgrounds_of"]


def backgrounds_of(heads: Sequence[int]) -> tuple[int, ...]:
    """First channel of each head, of the classes of all heads one after the other."""
    return (0, *accumulate(heads[:-1]))


@dataclass(frozen=True, eq=False)
class ProbabilityMaps:
    """Probability of each class at each voxel; outside a box all is background.

    A brain fills about a quarter of the conformed volume, whose maps would take
    470 MB.

    Parameters
    ----------
    values : (C, d, h, w) float32 array
        Inside the box.
    box : tuple of 3 slice
        Voxels of the volume.
    shape : tuple of 3 int
        Of the volume.
    backgrounds : tuple of int
        Channels that are a background: the first one of each head of a network
        that has several.
    """

    values: "NDArray[np.float32]"
    box: tuple[slice, ...]
    shape: tuple[int, ...]
    backgrounds: tuple[int, ...] = (0,)

    @staticmethod
    def whole(values: "NDArray[np.float32]") -> "ProbabilityMaps":
        """Make maps of a volume that is stored whole, (C, D, H, W)."""
        shape = values.shape[1:]
        return ProbabilityMaps(values, tuple(slice(0, n) for n in shape), shape)

    @staticmethod
    def background(
        num_classes: int,
        box: Sequence[slice],
        shape: Sequence[int],
        backgrounds: tuple[int, ...] = (0,),
    ) -> "ProbabilityMaps":
        """Make maps of nothing but background, with room for a box."""
        # calloc: what is never written takes no memory
        values = np.zeros((num_classes, *(s.stop - s.start for s in box)), np.float32)
        values[list(backgrounds)] = 1.0
        return ProbabilityMaps(values, tuple(box), tuple(shape), backgrounds)

    @staticmethod
    def nothing(heads: Sequence[int], shape: Sequence[int]) -> "ProbabilityMaps":
        """Make maps of nothing but background, for heads of so many classes."""
        empty = (slice(0, 0),) * 3
        return ProbabilityMaps.background(sum(heads), empty, shape, backgrounds_of(heads))

    @property
    def num_classes(self) -> int:
        """Classes, background included."""
        return int(self.values.shape[0])

    @property
    def origin(self) -> tuple[int, ...]:
        """First voxel of the box."""
        return tuple(s.start for s in self.box)

    def within(self, box: Sequence[slice]) -> tuple[slice, ...]:
        """Give a box of the volume, inside this one, in voxels of `values`."""
        return tuple(
            slice(b.start - mine.start, b.stop - mine.start)
            for b, mine in zip(box, self.box, strict=True)
        )

    def covering(self, box: Sequence[slice]) -> "ProbabilityMaps":
        """Make room for a box besides what they hold; gives themselves when there is."""
        if all(m.start <= b.start and b.stop <= m.stop for b, m in zip(box, self.box, strict=True)):
            return self
        if not self.values.size:
            return ProbabilityMaps.background(self.num_classes, box, self.shape, self.backgrounds)
        both = [
            slice(min(b.start, m.start), max(b.stop, m.stop))
            for b, m in zip(box, self.box, strict=True)
        ]
        larger = ProbabilityMaps.background(self.num_classes, both, self.shape, self.backgrounds)
        larger.values[(slice(None), *larger.within(self.box))] = self.values
        return larger

    def with_margin(self, voxels: int) -> "ProbabilityMaps":
        """Make the outermost voxels background, where the volume goes on, if they are not."""
        missing = any(
            (s.start > 0 and self._holds_more(axis, slice(0, voxels)))
            or (s.stop < side and self._holds_more(axis, slice(-voxels, None)))
            for axis, (s, side) in enumerate(zip(self.box, self.shape, strict=True))
        )
        return self.covering(grown(self.box, voxels, self.shape)) if missing else self

    def channel(self, index: int) -> "NDArray[np.float32]":
        """(D, H, W) probability of one class; a view when all is stored."""
        if self.values.shape[1:] == self.shape:
            stored: NDArray[np.float32] = self.values[index]
            return stored
        volume = np.full(self.shape, self.outside(index), np.float32)
        volume[self.box] = self.values[index]
        return volume

    def channels(self) -> "Iterator[NDArray[np.float32]]":
        """Yield the probability of each class, (D, H, W)."""
        return (self.channel(index) for index in range(self.num_classes))

    def array(self) -> "NDArray[np.float32]":
        """(C, D, H, W) probabilities; `values` themselves when all is stored."""
        if self.values.shape[1:] == self.shape:
            return self.values
        return np.stack(list(self.channels()))

    def outside(self, index: int) -> float:
        """Probability of a class outside the box."""
        return 1.0 if index in self.backgrounds else 0.0

    @property
    def all_background(self) -> "NDArray[np.float32]":
        """(d, h, w) probability of background, in the box; the least of all heads."""
        least: NDArray[np.float32] = self.values[list(self.backgrounds)].min(axis=0)
        return least

    def heads(self) -> "list[ProbabilityMaps]":
        """Give the maps of each head, views of these."""
        ends = [*self.backgrounds[1:], self.num_classes]
        return [
            ProbabilityMaps(self.values[first:end], self.box, self.shape)
            for first, end in zip(self.backgrounds, ends, strict=True)
        ]

    def _holds_more(self, axis: int, layers: slice) -> bool:
        part = np.moveaxis(self.values, axis + 1, 1)[:, layers]
        outside = np.array([self.outside(c) for c in range(self.num_classes)], np.float32)
        return bool((part != outside[:, None, None, None]).any())
