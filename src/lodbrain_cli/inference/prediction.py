"""What a network computes for one image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..imaging.probability_maps import ProbabilityMaps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Prediction"]


@dataclass(frozen=True)
class Prediction:
    """What a network computes for one image.

    Parameters
    ----------
    maps : ProbabilityMaps
        Values of the requested node, class by class, on the image's grid.
    moments : mapping of str to (2, groups) float64 array
        Mean and biased variance of every group, per normalisation.
    seconds : mapping of str to float
        Wall time of each stage, by the tensor that it computes.
    computed : float
        Share of the volume whose output was computed; the rest is background.
    notes : tuple of str
        What a user should know of how it came about.
    coarse : (d, h, w) float32 array or None
        Probability of background by the coarse level alone, on the volume in larger
        voxels; None where it was not asked.
    """

    maps: ProbabilityMaps
    moments: "Mapping[str, NDArray[np.float64]]" = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    computed: float = 1.0
    notes: tuple[str, ...] = ()
    coarse: "NDArray[np.float32] | None" = None

    @property
    def output(self) -> "NDArray[np.float32]":
        """(C, D, H, W) values everywhere."""
        return self.maps.array()
