"""A scan on its way through the pipeline."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..checking import Finding
from ..imaging.conform import ConformedGrid
from ..imaging.nifti import Scan
from ..inference.prediction import Prediction
from .scan_options import ScanOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Case", "Steps"]


@dataclass(eq=False)
class Case:
    """A scan on its way through the pipeline.

    Parameters
    ----------
    scan : Scan
    grid : ConformedGrid
        Of the scan.
    image : (D, H, W) float32 array
        The network's input.
    conformed : (256, 256, 256) float32 array or None
        Intensities on the conformed grid, where results are wanted there.
    findings : tuple of Finding
        What the checks of the scan found.
    options : ScanOptions
    began : str
    steps : Steps
        How long each took so far.
    prediction : Prediction, optional
        Once it is computed.
    agreement : float, optional
        Of the second answer with the first, once both are computed.
    """

    scan: Scan
    grid: ConformedGrid
    image: "NDArray[np.float32]"
    conformed: "NDArray[np.float32] | None"
    findings: tuple[Finding, ...]
    options: ScanOptions
    began: str
    steps: "Steps"
    prediction: Prediction | None = None
    agreement: float | None = None


class Steps:
    """Names and times the steps of a scan."""

    def __init__(self, on_step: Callable[[str], None] | None) -> None:
        self.seconds: dict[str, float] = {}
        self._on_step = on_step

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what happens inside, as the step of that name."""
        if self._on_step is not None:
            self._on_step(name)
        started = time.perf_counter()
        yield
        # A step that is done for several label sets counts all of them.
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
