"""The history of a run for TensorBoard, by the extra ``tensorboard``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError

__all__ = ["Board"]


class Board:
    """Event files in ``tensorboard/<stage>`` of a run's folder.

    Parameters
    ----------
    folder : Path
        Of the run.

    Raises
    ------
    UsageError
        When the package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError:
            msg = (
                "tensorboard: true needs the package tensorboard; install it with: "
                "pip install 'lodbrain[tensorboard]'"
            )
            raise UsageError(msg) from None
        self._make = Writer
        self._folder = folder / "tensorboard"

    def add(self, row: Mapping[str, Any]) -> None:
        """Write a row of the history: every number, at the row's step."""
        writer = self._make(str(self._folder / row["stage"]))
        for name, value in row.items():
            if name not in ("stage", "step"):
                writer.add_scalar(name, float(value), row["step"])
        writer.close()
