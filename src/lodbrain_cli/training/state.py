"""Everything that a run needs to go on after it was killed, in one file."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from ..errors import InputError
from ..files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Progress", "Tensors", "read_state", "write_state"]

# Numbers of a tensor.
_WORTH_PACKING = 256

Tensors = dict[str, "NDArray[np.float32]"]


@dataclass
class Progress:
    """How far a run has come.

    Parameters
    ----------
    stage : str
        Name of the stage it is in.
    step : int
        Steps done in the stage.
    seconds : float
        Time spent in all, over all starts.
    history : list of dict
        One row per validation, over all stages.
    """

    stage: str
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def scores(self) -> list[float]:
        """Return the validation Dice of the current stage, by epoch, where there is one."""
        of_stage = (row for row in self.history if row["stage"] == self.stage)
        return [row["validation_dice"] for row in of_stage if "validation_dice" in row]


def write_state(path: Path, progress: Progress, tensors: Tensors) -> None:
    """Write the state whole or not at all."""
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["progress"] = json.dumps(asdict(progress))
        for name, array in tensors.items():
            file.create_dataset(name, data=array, **_packing(array.shape))


def _packing(shape: tuple[int, ...]) -> dict[str, Any]:
    """Pack what is large enough to gain by it: a sixth less."""
    if math.prod(shape) < _WORTH_PACKING:
        return {}
    return {"compression": "gzip", "shuffle": True, "chunks": shape}


def read_state(path: Path) -> tuple[Progress, Tensors]:
    """Read the state of a run.

    Raises
    ------
    InputError
        When the file is damaged.
    """
    tensors: Tensors = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            tensors[name] = item[()]

    try:
        with h5py.File(path, "r") as file:
            progress = Progress(**json.loads(file.attrs["progress"]))
            file.visititems(collect)
    except (OSError, KeyError, TypeError, ValueError) as error:
        msg = f"{path}: is no state of a training run, or damaged ({error})"
        raise InputError(msg) from error
    return progress, tensors
