"""Scores of one pair of label images, class by class."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..labels import LabelSet
from .overlap import count_overlap
from .surface import surface_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MEASURES", "ClassScore", "score_labels"]

#: Measures of a :class:`ClassScore`, in the order of the tables.
MEASURES = (
    "dice",
    "jaccard",
    "hd95_mm",
    "assd_mm",
    "volume_mm3",
    "reference_volume_mm3",
    "volume_difference_mm3",
    "volume_difference_percent",
)


@dataclass(frozen=True)
class ClassScore:
    """How near one class of a prediction comes to the reference.

    A class that is in neither image has volumes 0, and everything else but the
    difference in mm³ is NaN: there is nothing to be right or wrong about. In
    one image only, Dice and Jaccard are 0 and surface distances NaN, for there
    is no distance to nothing; in the prediction only, the difference in per
    cent is NaN too.

    Parameters
    ----------
    index, name : int, str
        Label.
    dice, jaccard : float
        2 |A and B| / (|A| + |B|) and |A and B| / |A or B|, 0 to 1.
    hd95_mm, assd_mm : float
        Of :class:`~lodbrain_cli.evaluation.surface.SurfaceDistances`.
    volume_mm3, reference_volume_mm3 : float
        Voxels times the volume of one, on the reference's grid.
    """

    index: int
    name: str
    dice: float
    jaccard: float
    hd95_mm: float
    assd_mm: float
    volume_mm3: float
    reference_volume_mm3: float

    @property
    def volume_difference_mm3(self) -> float:
        """Prediction less reference: negative where too little was found."""
        return self.volume_mm3 - self.reference_volume_mm3

    @property
    def volume_difference_percent(self) -> float:
        """Prediction less reference, in per cent of the reference."""
        if self.reference_volume_mm3 == 0:
            return float("nan")
        return 100 * self.volume_difference_mm3 / self.reference_volume_mm3

    def measures(self) -> dict[str, float]:
        """Values by :data:`MEASURES`."""
        return {name: float(getattr(self, name)) for name in MEASURES}


def score_labels(
    labels: "NDArray[np.uint8]",
    reference: "NDArray[np.uint8]",
    affine: "NDArray[np.float64]",
    label_set: LabelSet,
) -> tuple[ClassScore, ...]:
    """Score a prediction against a reference on the same grid.

    Parameters
    ----------
    labels, reference : (X, Y, Z) uint8 arrays
        Labels of `label_set`.
    affine : (4, 4) array
        Voxel index to world, RAS+ mm.
    label_set : LabelSet

    Returns
    -------
    tuple of ClassScore
        One per structure, background left out.

    Raises
    ------
    ValueError
        When the shapes differ or a label is not of the set.
    """
    overlap = count_overlap(labels, reference, label_set.num_classes)
    voxel_mm3 = float(abs(np.linalg.det(affine[:3, :3])))
    scores = []
    for place, label in enumerate(label_set.structures):
        distances = surface_distances(labels == label.index, reference == label.index, affine)
        scores.append(
            ClassScore(
                label.index,
                label.name,
                float(overlap.dice[place]),
                float(overlap.jaccard[place]),
                distances.hd95_mm,
                distances.assd_mm,
                float(overlap.voxels[place]) * voxel_mm3,
                float(overlap.reference_voxels[place]) * voxel_mm3,
            )
        )
    return tuple(scores)
