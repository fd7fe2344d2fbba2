"""What a network is shown at a stage: an image on its grid and shares of classes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from keras import ops

from ..errors import UsageError
from ..imaging.components import bounding_box, grown
from ..imaging.conform import SIDE
from .augmentation import AugmentationOdds, apply_augmentation, sample_augmentation
from .heads import Head
from .synthesis import Recipe, apply_synthesis, sample_synthesis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .volumes import ConformedPair

__all__ = ["AugmentedSamples", "Sample", "SampleGrid", "SynthesisedSamples", "network_sample"]


# What is drawn for a seed and a number: streams of random numbers that never meet.
_SHAPE, _SYNTHETIC, _REUSED, _REAL = range(4)

# As far as an augmentation moves voxels.
_ROOM_VOX = 24


@dataclass(frozen=True)
class SampleGrid:
    """Grid of a stage's samples.

    Parameters
    ----------
    voxel_mm : float
        Voxels of the network's input.
    pool : int
        Voxels of the image, along an axis, that are max-pooled into one of the
        input, as the network itself pools for its coarse levels.
    shapes : tuple of tuple of 3 int
        Sides of the input to choose from, one per sample.
    sees : {"head", "brain"}
        Whether intensities are normalised over the whole conformed volume or
        over the sample alone: over what the network is given when it is used.
    """

    voxel_mm: float
    pool: int
    shapes: tuple[tuple[int, int, int], ...]
    sees: Literal["head", "brain"] = "head"

    @property
    def image_mm(self) -> float:
        """Sides of the image's voxels before pooling."""
        return self.voxel_mm / self.pool

    @property
    def whole_side(self) -> int | None:
        """Side of the conformed volume in voxels of the image, where that is what is seen."""
        return round(SIDE / self.image_mm) if self.sees == "head" else None

    def shape_of(self, seed: Sequence[int]) -> tuple[int, int, int]:
        """Draw one of the shapes."""
        return self.shapes[int(np.random.default_rng((_SHAPE, *seed)).integers(len(self.shapes)))]


@dataclass(frozen=True, eq=False)
class Sample:
    """Input and target of one training step.

    Parameters
    ----------
    image : (1, X, Y, Z, 1) float32 tensor
        Mean 0 and standard deviation 1 before pooling.
    target : (1, X, Y, Z, C) float32 tensor
        Share of each class in a voxel; one-hot where nothing was pooled.
    """

    image: Any
    target: Any


def network_sample(
    image: Any, labels: Any, pool: int, num_classes: int, *, whole_side: int | None = None
) -> Sample:
    """Normalise an image, then pool it and its labels, as inference does.

    Parameters
    ----------
    image : (X, Y, Z) float32 tensor
    labels : (X, Y, Z) int32 tensor
    pool : int
        Divides the sides.
    num_classes : int
    whole_side : int, optional
        Side of the conformed grid in voxels of the image. What of it lies
        outside the image then counts as zeros, so that a part has the
        intensities that it has in the whole.

    Returns
    -------
    Sample
    """
    share = math.prod(image.shape) / whole_side**3 if whole_side else 1.0
    mean = share * _mean(image)
    variance = share * _mean(ops.square(image - mean)) + (1 - share) * ops.square(mean)
    return _pooled((image - mean) / (ops.sqrt(variance) + 1e-6), labels, pool, num_classes)


def _pooled(image: Any, labels: Any, pool: int, num_classes: int) -> Sample:
    image, labels = image[None, ..., None], labels[None, ..., None]
    if pool == 1:
        return Sample(image, ops.one_hot(labels[..., 0], num_classes, dtype="float32"))
    # One class after the other: all at once are 470 MB for 256³.
    shares = [
        ops.average_pool(ops.cast(ops.equal(labels, c), "float32"), pool, pool)
        for c in range(num_classes)
    ]
    return Sample(ops.max_pool(image, pool, pool), ops.concatenate(shares, axis=-1))


class SynthesisedSamples:
    """Samples by number: the same number always gives the same sample.

    Parameters
    ----------
    heads : sequence of Head
    grid : SampleGrid
    recipe : Recipe
    num_classes : int
    seed : sequence of int
        Entropy of the stage.
    images_per_draw : int
        Consecutive images of the same shape, for a batch.
    uses : int
        Samples that are made of each synthetic image; after the first they are
        flipped left to right and have another gamma.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        grid: SampleGrid,
        recipe: Recipe,
        num_classes: int,
        seed: Sequence[int],
        *,
        images_per_draw: int = 1,
        uses: int = 1,
    ) -> None:
        self.heads = heads
        self.grid = grid
        self.recipe = recipe
        self.num_classes = num_classes
        self.seed = tuple(seed)
        self.images_per_draw = images_per_draw
        self.uses = uses
        self._made: dict[int, tuple[Any, Any]] = {}

    def __call__(self, number: int) -> Sample:
        """Make sample `number`; those of neighbouring numbers share images."""
        draw, place = divmod(number, self.images_per_draw * self.uses)
        use, slot = divmod(place, self.images_per_draw)
        which = draw * self.images_per_draw + slot
        if which not in self._made:
            self._made = {k: v for k, v in self._made.items() if k > which - self.images_per_draw}
            self._made[which] = self._synthesise(draw, which)
        image, labels = self._made[which]
        if use > 0:
            rng = np.random.default_rng((_REUSED, *self.seed, which, use))
            image = ops.power(ops.maximum(image, 1e-6), float(np.exp(rng.normal(0, 0.3))))
            if use % 2:
                image, labels = ops.flip(image, axis=0), ops.flip(labels, axis=0)
        return network_sample(
            image, labels, self.grid.pool, self.num_classes, whole_side=self.grid.whole_side
        )

    def _synthesise(self, draw: int, which: int) -> tuple[Any, Any]:
        shape = self.grid.shape_of((*self.seed, draw))
        rng = np.random.default_rng((_SYNTHETIC, *self.seed, which))
        head = self.heads[int(rng.integers(len(self.heads)))]
        x, y, z = (n * self.grid.pool for n in shape)
        drawn = sample_synthesis(rng, head, (x, y, z), self.grid.image_mm, self.recipe)
        return apply_synthesis(ops.convert_to_tensor(head.tissues), drawn)


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
    num_classes : int
    seed : sequence of int
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
        num_classes: int,
        seed: Sequence[int],
        *,
        images_per_draw: int = 1,
    ) -> None:
        self.pool = round(grid.voxel_mm)
        if self.pool != grid.voxel_mm:
            msg = f"real images need a voxel_mm of whole millimetres; received {grid.voxel_mm}"
            raise UsageError(msg)
        self.pairs = pairs
        self.grid = grid
        self.odds = odds
        self.num_classes = num_classes
        self.seed = tuple(seed)
        self.images_per_draw = images_per_draw

    def __call__(self, number: int) -> Sample:
        """Make sample `number`. Intensities are not normalised again after augmenting."""
        rng = np.random.default_rng((_REAL, *self.seed, number))
        shape = self.grid.shape_of((*self.seed, number // self.images_per_draw))
        pair = self.pairs[int(rng.integers(len(self.pairs)))]()
        box = _box_with_brain(rng, pair.labels > 0, [n * self.pool for n in shape])
        seen = pair.image if self.grid.sees == "head" else pair.image[box]
        mean, std = seen.mean(dtype=np.float64), seen.std(dtype=np.float64)
        # Room around the box, from which what is turned or moved comes in.
        room = grown(box, _ROOM_VOX, pair.image.shape)
        image = ((pair.image[room] - np.float32(mean)) / np.float32(std)).astype(np.float32)
        drawn = sample_augmentation(rng, image.shape, self.odds)
        image, labels = apply_augmentation(image, pair.labels[room], drawn)
        inside = tuple(
            slice(b.start - r.start, b.stop - r.start) for b, r in zip(box, room, strict=True)
        )
        return _pooled(
            ops.convert_to_tensor(np.ascontiguousarray(image[inside])),
            ops.convert_to_tensor(labels[inside].astype(np.int32)),
            self.pool,
            self.num_classes,
        )


def _box_with_brain(
    rng: np.random.Generator, brain: "NDArray[np.bool_]", sides: Sequence[int]
) -> tuple[slice, ...]:
    """Box of given sides at random, around the brain where that fits."""
    found = bounding_box(brain) or tuple(slice(0, n) for n in brain.shape)
    box = []
    for occupied, side, whole in zip(found, sides, brain.shape, strict=True):
        low = min(max(0, occupied.stop - side), whole - side)
        high = max(low, min(occupied.start, whole - side))
        begin = int(rng.integers(low, high + 1))
        box.append(slice(begin, begin + side))
    return tuple(box)


def _mean(volume: Any) -> Any:
    """Mean, one axis after the other: float32 sums stay short."""
    for _ in range(3):
        volume = ops.mean(volume, axis=-1)
    return volume
