"""Left against right of a brain, whichever way the head was turned."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage, optimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["asymmetry"]

# The plane is looked for from the brain's own axes: its narrowest is left to right in
# nearly every head, and the second guess is the narrower of the other two.
_GUESSES = 2
_MOST_POINTS = 6000


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
    """Find the plane that mirrors best: unit normal, and distance from the centre."""
    chosen = points[:: max(1, len(points) // _MOST_POINTS)]
    # Distances blur the labels, so that nearly right planes score nearly well.
    away = ndimage.distance_transform_edt(labels == 0)
    axes = np.linalg.svd(chosen - chosen.mean(axis=0), full_matrices=False)[2][::-1]

    def cost(plane: "NDArray[np.float64]", axis: Any) -> float:
        normal = axis + plane[0] * axes[others[0]] + plane[1] * axes[others[1]]
        normal = normal / np.linalg.norm(normal)
        depth = chosen @ normal - plane[2]
        mirrored = chosen - 2 * depth[:, None] * normal + centre
        return float(ndimage.map_coordinates(away, mirrored.T, order=1, mode="nearest").mean())

    best: tuple[float, NDArray[np.float64], float] | None = None
    for guess in range(_GUESSES):
        axis = axes[guess]
        others = [n for n in range(3) if n != guess]
        result = optimize.minimize(
            cost, np.zeros(3), args=(axis,), method="Powell",
            options={"xtol": 0.01, "ftol": 0.005, "maxfev": 150},
        )  # fmt: skip
        if best is None or result.fun < best[0]:
            normal = axis + result.x[0] * axes[others[0]] + result.x[1] * axes[others[1]]
            best = (float(result.fun), normal / np.linalg.norm(normal), float(result.x[2]))
    assert best is not None
    return best[1], best[2]
