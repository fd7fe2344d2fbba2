"""Where the brain of an image is, for labels that do not cover it: as when the network is used."""

from functools import cache
from typing import TYPE_CHECKING

from ..errors import InputError
from ..imaging.intensity import z_score
from ..inference.devices import allowed_threads
from ..inference.engines import start_engine
from ..inference.located import find_brain
from ..presets import TrainedNetwork, get_preset
from ..weights import obtain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..inference.engine import Engine

__all__ = ["FINDER", "find_place", "how_places_are_found"]

#: Whose coarse stage finds the brain for networks that see its box: packaged.
FINDER = "lod-brain-synth"


def find_place(image: "NDArray[np.float32]", name: str) -> tuple[slice, ...]:
    """Box around the brain of an image, as a network that sees such boxes is given it.

    Parameters
    ----------
    image : (256, 256, 256) float32 array
        Conformed grid, 1 mm.
    name : str
        Of the image, for messages.

    Returns
    -------
    tuple of 3 slice
        Voxels, without a margin.

    Raises
    ------
    InputError
        When no brain is found.
    """
    found = find_brain(_engine(), _network().pool, z_score(image))
    if found.box is None:
        msg = f"{name}: no brain was found; expected a T1w head, or labels that cover the brain"
        raise InputError(msg)
    return found.box


def how_places_are_found() -> str:
    """Everything but the image that a place depends on."""
    return f"brain by {_network().weights.sha256}"


def _network() -> TrainedNetwork:
    return get_preset(FINDER).level("coarse")


@cache
def _engine() -> "Engine":
    weights = obtain(get_preset(FINDER), None, file=_network().weights, offline=True)
    return start_engine(
        _network(), weights.path, engine="auto", device="auto", threads=allowed_threads()
    )
