"""What a network is shown at a stage: an image on its grid and shares of classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from keras import ops

from ..imaging.conform import SIDE
from .heads import Head
from .synthesis import Recipe, apply_synthesis, sample_synthesis

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "REAL_STREAM",
    "Sample",
    "SampleGrid",
    "SynthesisedSamples",
    "network_sample",
    "pooled_sample",
]


# What is drawn for a seed and a number: streams of random numbers that never meet.
_SHAPE, _SYNTHETIC, _REUSED, REAL_STREAM = range(4)


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
    image: Any,
    codes: Any,
    pool: int,
    table: "NDArray[np.float32]",
    *,
    whole_side: int | None = None,
) -> Sample:
    """Normalise an image, then pool it and its labels, as inference does.

    Parameters
    ----------
    image : (X, Y, Z) float32 tensor
    codes : (X, Y, Z) int32 tensor
    pool : int
        Divides the sides.
    table : (J, C) float32 array
        Target of each code: one-hot in the classes of each head.
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
    return pooled_sample((image - mean) / (ops.sqrt(variance) + 1e-6), codes, pool, table)


def pooled_sample(image: Any, codes: Any, pool: int, table: "NDArray[np.float32]") -> Sample:
    """Pool an image that is normalised, and its codes; arguments as :func:`network_sample`."""
    image, codes = image[None, ..., None], codes[None]
    if pool == 1:
        return Sample(image, ops.take(ops.convert_to_tensor(table), codes, axis=0))
    return Sample(ops.max_pool(image, pool, pool), _shares(codes[0], pool, table)[None])


def _shares(codes: Any, pool: int, table: "NDArray[np.float32]") -> Any:
    """Share of each class in blocks of pool³ voxels, (X, Y, Z, C).

    One place in the blocks after the other: the classes of all voxels at once are 470 MB
    for 256³, one class after the other takes as many passes as there are classes.
    """
    x, y, z = (side // pool for side in codes.shape)
    blocks = ops.transpose(ops.reshape(codes, (x, pool, y, pool, z, pool)), (1, 3, 5, 0, 2, 4))
    weights = ops.convert_to_tensor(table / np.float32(pool**3))
    total = ops.zeros((x, y, z, table.shape[1]), "float32")
    for place in ops.reshape(blocks, (pool**3, x, y, z)):
        total += ops.take(weights, place, axis=0)
    return total


class SynthesisedSamples:
    """Samples by number: the same number always gives the same sample.

    Parameters
    ----------
    heads : sequence of Head
    grid : SampleGrid
    recipe : Recipe
    table : (T, C) float32 array
        Target of each tissue; see :func:`network_sample`.
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
        table: "NDArray[np.float32]",
        seed: Sequence[int],
        *,
        images_per_draw: int = 1,
        uses: int = 1,
    ) -> None:
        self.heads = heads
        self.grid = grid
        self.recipe = recipe
        self.table = table
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
        image, tissues = self._made[which]
        if use > 0:
            rng = np.random.default_rng((_REUSED, *self.seed, which, use))
            image = ops.power(ops.maximum(image, 1e-6), float(np.exp(rng.normal(0, 0.3))))
            if use % 2:
                image, tissues = ops.flip(image, axis=0), ops.flip(tissues, axis=0)
        return network_sample(
            image, tissues, self.grid.pool, self.table, whole_side=self.grid.whole_side
        )

    def _synthesise(self, draw: int, which: int) -> tuple[Any, Any]:
        shape = self.grid.shape_of((*self.seed, draw))
        rng = np.random.default_rng((_SYNTHETIC, *self.seed, which))
        head = self.heads[int(rng.integers(len(self.heads)))]
        x, y, z = (n * self.grid.pool for n in shape)
        drawn = sample_synthesis(rng, head, (x, y, z), self.grid.image_mm, self.recipe)
        return apply_synthesis(head.tissues, drawn)


def _mean(volume: Any) -> Any:
    """Mean, one axis after the other: float32 sums stay short."""
    for _ in range(3):
        volume = ops.mean(volume, axis=-1)
    return volume
