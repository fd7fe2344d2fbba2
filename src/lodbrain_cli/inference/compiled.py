"""What an engine makes of a stage."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from .plan import Stage
from .tiling import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Compile", "CompiledStage"]


class CompiledStage(Protocol):
    """A stage as an engine can run it."""

    def __call__(
        self,
        inputs: "list[NDArray[np.float32]]",
        moments: "list[NDArray[np.float32]]",
        keep: Box,
        ends: tuple[tuple[bool, bool], ...],
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]":
        """Compute one tile.

        Parameters
        ----------
        inputs : list of (C, d, h, w) float32 array
            Windows of the tensors that the stage reads.
        moments : list of (2, groups) float32 array
            What it is given.
        keep : Box
            Exact part of the output, in voxels of the output's window.
        ends : 3 pairs of bool
            Whether the window's begin and end are the volume's, per axis. There
            convolutions pad with zeros; elsewhere what they compute beyond the
            exact part is of no use.

        Returns
        -------
        values : (C, ...) float32 array or None
            The exact part, where the stage is kept.
        moments : (2, groups) float64 array or None
            Moments of the exact part, where a normalisation follows.
        """

    def release(self) -> None:
        """Give back the memory that is only needed while computing."""


#: Makes a stage runnable. The second argument says whether what is compiled for one kind of
#: window is kept when another comes: then the next volume is computed sooner, with more memory.
Compile = Callable[[Stage, bool], CompiledStage]
