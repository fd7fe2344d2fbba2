"""The LOD-Brain authors' chain of augmentations for real images (SPEC A.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .intensity_augmentation import INTENSITY
from .spatial_augmentation import SPATIAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Augmentation", "AugmentationOdds", "apply_augmentation", "sample_augmentation"]


@dataclass(frozen=True)
class AugmentationOdds:
    """How often what happens; defaults are those of the released weights' run.

    Parameters
    ----------
    overall : float
        Probability that anything happens.
    flip, inhomogeneity, spatial, intensity : float
        Probability of each link of the chain.
    spatial_weights, intensity_weights : dict of str to float
        Relative odds of the effects, of which one is chosen.
    """

    overall: float = 0.9
    flip: float = 0.5
    inhomogeneity: float = 1.0
    spatial: float = 1.0
    intensity: float = 1.0
    spatial_weights: dict[str, float] = field(default_factory=lambda: {"grid": 1.0})
    intensity_weights: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "blur",
                "downscale",
                "salt_and_pepper",
                "gaussian",
                "ghosting",
                "gamma",
                "contrast",
                "slices",
            ),
            1.0,
        )
    )


@dataclass(frozen=True)
class Augmentation:
    """What was drawn for one image: plain values, which can be recorded.

    Parameters
    ----------
    steps : tuple of (str, dict)
        Effects in order, with their parameters.
    """

    steps: tuple[tuple[str, dict[str, Any]], ...] = ()

    def parted(self) -> "tuple[Augmentation, Augmentation]":
        """Give what moves voxels, and what changes intensities, each in its order."""
        moves = tuple(step for step in self.steps if step[0] in SPATIAL)
        changes = tuple(step for step in self.steps if step[0] not in SPATIAL)
        return Augmentation(moves), Augmentation(changes)


def sample_augmentation(
    rng: np.random.Generator, shape: tuple[int, ...], odds: AugmentationOdds
) -> Augmentation:
    """Draw what happens to an image of a shape.

    Returns
    -------
    Augmentation
        In the authors' order: flip, receive field, one change of shape, one
        change of intensity.
    """
    if rng.random() >= odds.overall:
        return Augmentation()
    names = []
    if rng.random() < odds.flip:
        names.append("flip")
    if rng.random() < odds.inhomogeneity:
        names.append("inhomogeneity")
    for chance, weights in (
        (odds.spatial, odds.spatial_weights),
        (odds.intensity, odds.intensity_weights),
    ):
        if rng.random() < chance:
            names.append(_choose(rng, weights))
    effects = {**SPATIAL, **INTENSITY}
    return Augmentation(tuple((name, effects[name][0](rng, shape)) for name in names))


def apply_augmentation(
    image: "NDArray[np.float32]", labels: "NDArray[Any]", augmentation: Augmentation
) -> "tuple[NDArray[np.float32], NDArray[Any]]":
    """Augment an image and its labels.

    Parameters
    ----------
    image : (X, Y, Z) float32 array
        z-scored, conformed grid.
    labels : (X, Y, Z) array of int
        0 is background, which comes in from outside.
    augmentation : Augmentation

    Returns
    -------
    image, labels : arrays like those given
        Intensities are not normalised again.
    """
    for name, parameters in augmentation.steps:
        if name in SPATIAL:
            image, labels = SPATIAL[name][1](image, labels, **parameters)
        else:
            image = INTENSITY[name][1](image, **parameters)
    return np.ascontiguousarray(image, np.float32), np.ascontiguousarray(labels)


def _choose(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    names = list(weights)
    odds = np.array([weights[name] for name in names], float)
    return names[int(rng.choice(len(names), p=odds / odds.sum()))]
