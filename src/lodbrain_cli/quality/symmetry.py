"""Left against right of a brain, whichever way the head was turned."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, optimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["asymmetry"]

# Voxels beyond which a class counts as missing: a half that lost a class must not turn
# the plane. Of caps and weights that were tried, the one that finds the halves of scans
# with strong bias field as well as of heads with a class lost on one side.
_MISSING = 3.0
_MOST_POINTS = 4000


def asymmetry(labels: "NDArray[np.uint8]", num_classes: int) -> "dict[int, float] | None":
    """Difference between the halves of each class.

    The plane between the halves is the one about which the brain mirrors itself
    best.

    Parameters
    ----------
    labels : (D, H, W) uint8 array
        Isotropic voxels.
    num_classes : int

    Returns
    -------
    dict of int to float or None
        Label to |left - right| / (left + right), 0 to 1, without classes that are
        missing; None where there is too little to mirror.
    """
    places = np.argwhere(labels > 0)
    if len(places) < 1000:
        return None
    classes = labels[tuple(places.T)]
    centre = places.mean(axis=0)
    points = places - centre
    normal, offset = _plane(labels, points, centre)
    side = points @ normal > offset
    found = {}
    for label in range(1, num_classes):
        of_class = side[classes == label]
        if of_class.size:
            right = int(np.count_nonzero(of_class))
            found[label] = abs(2 * right - of_class.size) / of_class.size
    return found


def _plane(
    labels: "NDArray[np.uint8]", points: "NDArray[np.float64]", centre: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float64], float]":
    """Find the plane that mirrors best: unit normal, and distance from the centre.

    A point should meet the brain in the mirror, and its own class: the outline alone
    is round enough to mirror itself from top to bottom too. The plane is looked for
    from the brain's three own axes.
    """
    chosen = points[:: max(1, len(points) // _MOST_POINTS)]
    away, own = _distances(labels, np.rint(chosen + centre).astype(int))
    axes = np.linalg.svd(chosen - chosen.mean(axis=0), full_matrices=False)[2]

    def cost(plane: "NDArray[np.float64]", guess: int) -> float:
        normal = _normal(axes, guess, plane)
        depth = chosen @ normal - plane[2]
        mirrored = chosen - 2 * depth[:, None] * normal + centre
        met = np.vstack([own, mirrored.T])
        return float(ndimage.map_coordinates(away, met, order=1, mode="nearest").mean())

    found = [
        optimize.minimize(
            cost, np.zeros(3), args=(guess,), method="Powell",
            options={"xtol": 0.01, "ftol": 0.005, "maxfev": 150},
        )
        for guess in range(3)
    ]  # fmt: skip
    best = min(range(3), key=lambda guess: float(found[guess].fun))
    return _normal(axes, best, found[best].x), float(found[best].x[2])


def _normal(
    axes: "NDArray[np.float64]", guess: int, plane: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Give the unit normal of a plane that leans from one of the axes towards the others."""
    normal = axes[guess] + plane[0] * axes[guess - 2] + plane[1] * axes[guess - 1]
    unit: NDArray[np.float64] = normal / np.linalg.norm(normal)
    return unit


def _distances(
    labels: "NDArray[np.uint8]", places: "NDArray[np.intp]"
) -> "tuple[NDArray[np.float32], NDArray[np.intp]]":
    """Give distances, (class, D, H, W), and which of the classes each place has.

    They are distances to the brain plus those to the class. Distances blur the labels,
    so that nearly right planes score nearly well.
    """
    present, own = np.unique(labels[tuple(places.T)], return_inverse=True)
    outside = ndimage.distance_transform_edt(labels == 0)
    away = [
        outside + np.minimum(ndimage.distance_transform_edt(labels != label), _MISSING)
        for label in present
    ]
    return np.stack(away).astype(np.float32), own
