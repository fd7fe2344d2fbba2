"""What was compiled last, of all stages of a network: an end to what a process keeps."""

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["STAGE_NUMBERS", "RecentModels"]

Model = TypeVar("Model")

# About three scans' worth on a CPU, of some 5 MB each.
_MOST_MODELS = 300

#: For the keys of stages. Not id(): a stage made later may have that of one that is gone, and
#: not its models.
STAGE_NUMBERS = itertools.count()


class RecentModels(Generic[Model]):
    """The models that were used last, of all stages: heads differ, and so do their windows.

    Without an end to it a process would grow with every size of head that it meets.

    Parameters
    ----------
    most : int
        How many are kept.
    """

    def __init__(self, most: int = _MOST_MODELS) -> None:
        self._most = most
        self._models: OrderedDict[tuple[int, Any], Model] = OrderedDict()

    def __len__(self) -> int:
        return len(self._models)

    def get(self, key: tuple[int, Any], make: Callable[[], Model]) -> Model:
        """Return a model, made when it is not there; the one unused for longest gives way.

        Parameters
        ----------
        key : tuple
            The stage's number, and the kind of window.
        make : callable
        """
        if key not in self._models:
            self._models[key] = make()
            if len(self._models) > self._most:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return self._models[key]

    def forget(self, owner: int) -> None:
        """Drop the models of a stage: those whose key begins with its number."""
        for key in [key for key in self._models if key[0] == owner]:
            del self._models[key]
