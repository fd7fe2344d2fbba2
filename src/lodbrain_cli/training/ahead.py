"""Make the next batch while the network trains on this one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import keras

from .samples import Sample

__all__ = ["BatchesAhead", "Samples"]

#: Makes the sample of a number, always the same.
Samples = Callable[[int], Sample]


class BatchesAhead:
    """Batches by step, the next one in the making; a context manager.

    Parameters
    ----------
    samples : callable
        Called from one thread, which is not the caller's.
    batch_size : int
    steps : int
        After the last one nothing is made.
    """

    def __init__(self, samples: Samples, batch_size: int, steps: int) -> None:
        self._samples = samples
        self._batch_size = batch_size
        self._steps = steps
        self._thread = ThreadPoolExecutor(1, "samples")
        self._made: dict[int, Future[tuple[Any, Any]]] = {}

    def __enter__(self) -> Self:
        """Begin nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the batch in the making."""
        self._thread.shutdown(cancel_futures=True)

    def take(self, step: int) -> tuple[Any, Any]:
        """Return the batch of a step.

        Returns
        -------
        image : (B, X, Y, Z, 1) float32 tensor
        target : (B, X, Y, Z, C) float32 tensor

        Raises
        ------
        Exception
            Whatever making the samples raised.
        """
        made = self._made.pop(step, None) or self._thread.submit(self._make, step)
        if step + 1 < self._steps and step + 1 not in self._made:
            self._made[step + 1] = self._thread.submit(self._make, step + 1)
        return made.result()

    def _make(self, step: int) -> tuple[Any, Any]:
        batch = [self._samples(step * self._batch_size + k) for k in range(self._batch_size)]
        image = keras.ops.concatenate([sample.image for sample in batch])
        return image, keras.ops.concatenate([sample.target for sample in batch])
