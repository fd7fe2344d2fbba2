"""A network ready to run, that goes on with less when memory runs out."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import ResourceError
from .prediction import Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .execution import StagedNetwork
    from .keras_monte_carlo import SampledNetwork

__all__ = ["Engine", "PartEngine"]

_log = logging.getLogger(__name__)


@dataclass
class Engine:
    """A network ready to run.

    When memory runs out it takes the next step of a ladder, says so, and stays
    there for the scans that follow: smaller tiles, then the CPU.

    Parameters
    ----------
    name : str
        "openvino", or "keras" with its backend, each with versions.
    device : str
        "cpu" or "gpu:N".
    threads : int
    network : StagedNetwork or SampledNetwork
    scope : callable
        Makes the context in which the network must run.
    on_cpu : callable, optional
        Starts an engine on the CPU, the last step of the ladder.
    """

    name: str
    device: str
    threads: int
    network: "StagedNetwork | SampledNetwork"
    scope: Callable[[], AbstractContextManager[Any]]
    on_cpu: "Callable[[], Engine] | None" = None

    def predict(
        self,
        image: "NDArray[np.float32]",
        *,
        only_brain: bool = False,
        memory_limit: int | None = None,
    ) -> Prediction:
        """Compute class probabilities: see :meth:`.execution.StagedNetwork.predict`.

        Raises
        ------
        ResourceError
            When memory runs out and no step of the ladder is left, or the limit
            is too small.
        """
        notes: list[str] = []
        while True:
            # Going on happens outside the handler: an exception keeps its tensors alive.
            prediction = self._try(image, only_brain=only_brain, memory_limit=memory_limit)
            if prediction is not None:
                return replace(prediction, notes=tuple(notes))
            notes.append(self._take_less())
            _log.warning("%s", notes[-1])

    def _try(self, image: "NDArray[np.float32]", **options: Any) -> Prediction | None:
        """Predict; None when memory ran out."""
        try:
            with self.scope():
                return self.network.predict(image, **options)
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            return None

    def _take_less(self) -> str:
        """Take the next step of the ladder and say what it is."""
        happened = f"memory ran out on {self.device}"
        if len(self.network.budgets) > 1:
            self.network.budgets = self.network.budgets[1:]
            size = self.network.budgets[0].tile_bytes / 2**20
            return f"{happened}: going on with tiles of {size:g} MiB"
        if self.on_cpu is None:
            other_device = "" if self.device == "cpu" else ", or use --device cpu"
            msg = f"{happened}; free some or ask for more{other_device}"
            raise ResourceError(msg)
        other = self.on_cpu()
        self.name, self.device, self.network = other.name, other.device, other.network
        self.scope, self.on_cpu = other.scope, None
        return f"{happened}: going on with {self.name} on the CPU"


@dataclass
class PartEngine:
    """What shows a network parts of a volume: an engine around an engine.

    Parameters
    ----------
    network : Engine
    heads : tuple of int
        Classes of each of its heads.
    """

    network: Engine
    heads: tuple[int, ...]

    @property
    def name(self) -> str:
        """As :class:`Engine`."""
        return self.network.name

    @property
    def device(self) -> str:
        """As :class:`Engine`."""
        return self.network.device

    @property
    def threads(self) -> int:
        """As :class:`Engine`."""
        return self.network.threads


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any engine."""
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
        or "RESOURCE_EXHAUSTED" in text
        or "can't allocate memory" in text  # PyTorch on a CPU
        or "std::bad_alloc" in text  # OpenVINO; next, where it has no room for a thread
        or "Resource temporarily unavailable" in text
        or "failed to allocate" in text.lower()
        or "out of memory" in text.lower()
    )
