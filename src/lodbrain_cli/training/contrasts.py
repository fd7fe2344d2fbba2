"""Which tissue is how bright: intensities of a synthetic image.

After SynthSeg (Billot et al., Medical Image Analysis 86 (2023) 102789): every
tissue gets a Gaussian of its own. Two kinds: ``t1w`` draws means near those of
real T1w images, ``random`` draws any.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from keras import ops, random

from .separable import along_axes, spline_matrix
from .tissues import TISSUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Contrast", "ContrastKind", "apply_contrast", "sample_contrast"]

ContrastKind = Literal["t1w", "random"]

_MOTTLE_MM = (5.0, 8.0, 14.0)  # spacings of the control points of mottled tissue


@dataclass(frozen=True)
class Contrast:
    """Intensities of every tissue.

    Parameters
    ----------
    means : (2, T) float32 array
        Mean of each tissue where the mottle field is low, and where it is high.
    deviations : (T,) float32 array
        Standard deviation within a tissue.
    mottle : (A, B, C) float32 array
        Control points of a smooth field, standard normal.
    seed : int
        Of the noise within tissues.
    """

    means: "NDArray[np.float32]"
    deviations: "NDArray[np.float32]"
    mottle: "NDArray[np.float32]"
    seed: int


def sample_contrast(
    rng: np.random.Generator, kind: ContrastKind, extent_mm: tuple[float, float, float]
) -> Contrast:
    """Draw a contrast.

    Parameters
    ----------
    rng : Generator
    kind : {"t1w", "random"}
    extent_mm : tuple of 3 float
        Sides of the image, for the grain of mottled tissue.

    Returns
    -------
    Contrast
    """
    mottled = np.array([t.mottled for t in TISSUES])
    if kind == "t1w":
        low, high = np.array([t.t1w for t in TISSUES]).T
        means = rng.uniform(low, high)
        deviations = rng.uniform(0.01, 0.06, len(TISSUES))
        other = rng.uniform(low, high)
    else:
        means = rng.uniform(0, 1, len(TISSUES))
        deviations = rng.uniform(0, 0.1, len(TISSUES))
        other = rng.uniform(0, 1, len(TISSUES))
        if rng.random() < 0.95:  # air is dark in almost every sequence
            means[0] = other[0] = rng.uniform(0, 0.1)
    deviations += rng.uniform(0, 0.2, len(TISSUES)) * mottled
    deviations[0] = rng.uniform(0, 0.02)
    second = means + mottled * (other - means)
    spacing_mm = rng.choice(_MOTTLE_MM)
    controls = tuple(max(4, round(side / spacing_mm) + 3) for side in extent_mm)
    return Contrast(
        np.stack([means, second]).astype(np.float32),
        deviations.astype(np.float32),
        rng.standard_normal(controls, dtype=np.float32),
        int(rng.integers(2**31)),
    )


def apply_contrast(tissues: Any, contrast: Contrast) -> Any:
    """Paint a head.

    Parameters
    ----------
    tissues : (X, Y, Z) int32 tensor
        Index into :data:`.tissues.TISSUES`.
    contrast : Contrast

    Returns
    -------
    (X, Y, Z) float32 tensor
    """
    shape = tuple(tissues.shape)
    splines = [spline_matrix(n, m) for n, m in zip(shape, contrast.mottle.shape, strict=True)]
    field = along_axes(ops.convert_to_tensor(contrast.mottle), splines)
    share = ops.sigmoid(8.0 * field)
    low, high = (ops.take(ops.convert_to_tensor(m), tissues) for m in contrast.means)
    deviation = ops.take(ops.convert_to_tensor(contrast.deviations), tissues)
    noise = random.normal(shape, seed=contrast.seed)
    return low + share * (high - low) + deviation * noise
