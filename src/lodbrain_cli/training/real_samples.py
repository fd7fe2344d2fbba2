"""Samples of real images: augmented by number to train on, untouched to validate on."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from ..errors import UsageError
from ..imaging.components import grown
from ..imaging.normalisation import Normalisation
from .augmentation import Augmentation, AugmentationOdds, apply_augmentation, sample_augmentation
from .samples import REAL_STREAM, Sample, SampleGrid, pooled_sample
from .targets import Coding, Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .volumes import ConformedPair

__all__ = ["AugmentedSamples", "untouched_sample"]

# As far as an augmentation moves voxels.
_ROOM_VOX = 24


class AugmentedSamples:
    """Samples of real images by number: the same number always gives the same sample.

    Parameters
    ----------
    pairs : sequence of callable
        Each reads an image with its labels, 256³ of 1 mm.
    grid : SampleGrid
        Its voxels are of whole millimetres; those of the image are 1 mm whatever
        it says. Where a shape is smaller than the whole, the brain lies inside.
    odds : AugmentationOdds
    targets : sequence of Target
    seed : sequence of int
    normalisation : Normalisation, optional
        Default: z-scored, over what the network sees.
    images_per_draw : int
        Consecutive images of the same shape, for a batch.

    Raises
    ------
    UsageError
        When the grid's voxels are not of whole millimetres.
    """

    def __init__(
        self,
        pairs: "Sequence[Callable[[], ConformedPair]]",
        grid: SampleGrid,
        odds: AugmentationOdds,
        targets: Sequence[Target],
        seed: Sequence[int],
        normalisation: Normalisation | None = None,
        *,
        images_per_draw: int = 1,
    ) -> None:
        self.pool = _millimetres(grid)
        self.pairs = pairs
        self.grid = grid
        self.odds = odds
        self.targets = tuple(targets)
        self.seed = tuple(seed)
        self.normalisation = normalisation or Normalisation()
        self.images_per_draw = images_per_draw

    def __call__(self, number: int) -> Sample:
        """Make sample `number`. Intensities are not z-scored again after augmenting."""
        rng = np.random.default_rng((REAL_STREAM, *self.seed, number))
        shape = self.grid.shape_of((*self.seed, number // self.images_per_draw))
        pair = self.pairs[int(rng.integers(len(self.pairs)))]()
        sides = [n * self.pool for n in shape]
        whole = all(n >= side for n, side in zip(sides, pair.image.shape, strict=True))
        brain = tuple(slice(0, n) for n in sides) if whole else pair.brain_box
        window = self.grid.sees == "head"
        box = _box_with_brain(rng, brain, pair.image.shape, sides, window=window)
        # Room around the box, from which what is turned or moved comes in.
        room = grown(box, _ROOM_VOX, pair.image.shape)
        image = self.normalisation.first_step(pair.image, _seen(box, self.grid), room)
        drawn = sample_augmentation(rng, image.shape, self.odds)
        image, codes = self._augmented(image, pair.codes[room], drawn, room)
        inside = tuple(
            slice(b.start - r.start, b.stop - r.start) for b, r in zip(box, room, strict=True)
        )
        flips = sum(name == "flip" for name, _ in drawn.steps)
        coding = pair.coding.mirrored(self.targets) if flips % 2 else pair.coding
        return _real_sample(image[inside], codes[inside], self.pool, coding)

    def _augmented(
        self,
        image: "NDArray[np.float32]",
        codes: "NDArray[Any]",
        drawn: Augmentation,
        room: tuple[slice, ...],
    ) -> "tuple[NDArray[np.float32], NDArray[Any]]":
        """Augment; where images are normalised by voxel, between its two kinds of steps.

        A head that lies elsewhere meets the statistics of where it then lies, as a new
        scan will, so voxels are moved before. Strengths of what changes intensities
        are in standard deviations of the network's input, so that comes after, as in
        CEREBRUM-7T (SPEC D.3).
        """
        if self.normalisation.statistics is None:
            return apply_augmentation(image, codes, drawn)
        moves, changes = drawn.parted()
        image, codes = apply_augmentation(image, codes, moves)
        return apply_augmentation(self.normalisation.by_voxel(image, room), codes, changes)


def untouched_sample(
    pair: "ConformedPair",
    box: tuple[slice, ...],
    grid: SampleGrid,
    normalisation: Normalisation | None = None,
) -> Sample:
    """Cut a box out of a real image as it is.

    Parameters
    ----------
    pair : ConformedPair
    box : tuple of 3 slice
        Voxels of 1 mm.
    grid : SampleGrid
        Its shapes are not asked.
    normalisation : Normalisation, optional
        As in :class:`AugmentedSamples`.

    Returns
    -------
    Sample

    Raises
    ------
    UsageError
        As :class:`AugmentedSamples`.
    """
    normalisation = normalisation or Normalisation()
    image = normalisation.first_step(pair.image, _seen(box, grid), box)
    image = normalisation.by_voxel(image, box)
    return _real_sample(image, pair.codes[box], _millimetres(grid), pair.coding)


def _millimetres(grid: SampleGrid) -> int:
    """Millimetres in a voxel, which real images are pooled by."""
    whole = round(grid.voxel_mm)
    if whole != grid.voxel_mm:
        msg = f"real images need a voxel_mm of whole millimetres; received {grid.voxel_mm}"
        raise UsageError(msg)
    return whole


def _seen(box: tuple[slice, ...], grid: SampleGrid) -> tuple[slice, ...]:
    """Voxels that the network sees with the box, over which images are z-scored."""
    return (slice(None),) * 3 if grid.sees == "head" else box


def _real_sample(
    image: "NDArray[np.float32]", codes: "NDArray[Any]", pool: int, coding: Coding
) -> Sample:
    return pooled_sample(
        ops.convert_to_tensor(np.ascontiguousarray(image)),
        ops.convert_to_tensor(codes.astype(np.int32)),
        pool,
        coding.table(),
    )


def _box_with_brain(
    rng: np.random.Generator,
    brain: tuple[slice, ...],
    shape: Sequence[int],
    sides: Sequence[int],
    *,
    window: bool,
) -> tuple[slice, ...]:
    """Box of given sides at random, around the brain where that fits.

    Where it does not, every part of the brain comes up; in a window of the head at its
    borders too, as in those that a network runs on.
    """
    box = []
    for occupied, side, whole in zip(brain, sides, shape, strict=True):
        first, last = occupied.stop - side, occupied.start
        if first > last:
            beyond = side // 2 if window else 0
            first, last = last - beyond, first + beyond
        low, high = (min(max(0, edge), whole - side) for edge in (first, last))
        begin = int(rng.integers(low, high + 1))
        box.append(slice(begin, begin + side))
    return tuple(box)
