"""A probability as colours over grey: the stronger, the brighter and the less see-through."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["blend", "color_bar"]

# Black-body colours: lightness rises all the way, so that readers who tell few hues apart, and
# prints without colour, have the order too.
_AT = (0.0, 0.35, 0.7, 1.0)
_COLORS = ((96, 0, 24), (200, 40, 10), (255, 160, 30), (255, 250, 170))
_OPAQUE_FROM = 0.5
_OPACITY = 0.8


def blend(grey: "NDArray[np.uint8]", probability: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Lay a probability over an image.

    Parameters
    ----------
    grey : (Y, X) uint8 array
    probability : (Y, X) uint8 array
        255 stands for 1. Where it is 0 the image stays as it is; from 0.5 on a fifth of it
        shines through.

    Returns
    -------
    (Y, X, 3) uint8 array
        RGB.
    """
    steps = np.linspace(0, 1, 256)
    table = np.stack([np.interp(steps, _AT, part) for part in zip(*_COLORS, strict=True)], axis=-1)
    opacity = _OPACITY * np.minimum(steps / _OPAQUE_FROM, 1)
    over = (table * opacity[:, None])[probability]
    under = grey[..., None] * (1 - opacity)[probability][..., None]
    return np.rint(over + under).astype(np.uint8)


def color_bar(width: int, height: int) -> "NDArray[np.uint8]":
    """(`height`, `width`) uint8 probabilities from 0 at the left to 1 at the right."""
    line = np.linspace(0, 255, width).round().astype(np.uint8)
    return np.broadcast_to(line, (height, width)).copy()
