"""A network whose dropout stays on: each answer is a sample (Monte-Carlo dropout).

After Gal and Ghahramani (ICML 2016), as nobrainer's Python interface samples
(SPEC C.3). It runs on Keras as a whole, not in stages: no other engine draws
random numbers.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..imaging.probability_maps import ProbabilityMaps, backgrounds_of
from ..networks.dropout import with_dropout_on
from ..presets import NetworkConfig
from .memory import BUDGETS
from .prediction import Prediction

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

__all__ = ["SampledNetwork"]


class SampledNetwork:
    """Stands where a :class:`.execution.StagedNetwork` does; every call draws anew.

    Parameters
    ----------
    model : keras.Model
        With its weights.
    config : NetworkConfig
        That it was built from.
    seed : int
        See :func:`lodbrain_cli.networks.dropout.with_dropout_on`.
    """

    def __init__(self, model: "keras.Model", config: NetworkConfig, seed: int) -> None:
        self._model = with_dropout_on(model, seed)
        self._config = config
        self.budgets = BUDGETS[:1]  # there are no smaller tiles to go on with

    def predict(self, image: "NDArray[np.float32]", **_options: Any) -> Prediction:
        """Draw class probabilities.

        Parameters
        ----------
        image : (D, H, W) float32 array

        Returns
        -------
        Prediction
            Everywhere: what is surely background is not left out.
        """
        step = self._config.alignment
        room = [(0, -side % step) for side in image.shape]
        fed = np.pad(image, room, constant_values=image.flat[0])
        drawn = np.asarray(self._model.predict_on_batch(fed[None, ..., None]))[0]
        whole = tuple(slice(0, side) for side in image.shape)
        values = np.ascontiguousarray(np.moveaxis(drawn[whole], -1, 0), np.float32)
        return Prediction(
            ProbabilityMaps(values, whole, image.shape, backgrounds_of(self._config.heads))
        )
