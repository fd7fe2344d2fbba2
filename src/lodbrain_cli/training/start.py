"""Begin from a network that was trained before: layers copied by name, the last ones anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import keras
from pydantic import Field, model_validator

from ..errors import UsageError
from ..networks.build import build_network
from ..networks.checkpoint import named_variables
from ..networks.tensors import read_all_tensors, read_tensors
from ..presets import find_preset
from ..weights import obtain
from .stage_options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "StartOptions",
    "copied_layers",
    "copy_layers",
    "copy_what_is_there",
    "source_tensors",
]


class StartOptions(Options):
    """Where the weights of the first stage come from, and of levels that later ones add.

    Parameters
    ----------
    preset : str, optional
        Name of a preset, whose weights are looked up, or downloaded; or the
        folder of a network of one's own.
    level : str
        Of the preset: "fine" or "coarse".
    weights : str, optional
        Or a weights file that lodbrain wrote, relative to the config file.
    reinit_last : int
        How many of the last layers with weights begin anew: the layer that
        gives the classes is the last one.
    classes : {"anew", "matched"}
        How the layer that gives the classes begins where it alone is not copied: at
        random, or matched to the source's classes, see :mod:`.matching`.
    """

    preset: str | None = None
    level: str = "fine"
    weights: str | None = None
    reinit_last: Annotated[int, Field(ge=0)] = 1
    classes: Literal["anew", "matched"] = "anew"

    @model_validator(mode="after")
    def _one_source(self) -> "StartOptions":
        if (self.preset is None) == (self.weights is None):
            msg = "give either preset or weights"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _last_layer_alone_is_matched(self) -> "StartOptions":
        if self.classes == "matched" and self.reinit_last != 1:
            msg = f"classes: matched needs reinit_last 1; received {self.reinit_last}"
            raise ValueError(msg)
        return self

    def beside(self, folder: Path) -> "StartOptions":
        """Name the weights file from anywhere, not from `folder` alone."""
        if self.weights is None:
            return self
        return self.model_copy(update={"weights": str((folder / self.weights).absolute())})


def source_tensors(start: StartOptions) -> "dict[str, NDArray[np.float32]]":
    """Read the tensors to begin from, by ``<layer>/<variable>``.

    Raises
    ------
    UsageError, WeightsError
        When the preset is unknown, or the weights are missing or damaged.
    """
    if start.weights is not None:
        return read_all_tensors(Path(start.weights))
    preset = find_preset(start.preset or "")
    network = preset.level(start.level)
    found = obtain(preset, file=network.weights)
    shapes = {
        name: tuple(variable.shape)
        for name, variable in named_variables(build_network(network.config)).items()
    }
    return read_tensors(found.path, network.weights.layout, shapes)


def copied_layers(model: keras.Model, reinit_last: int) -> list[Any]:
    """Layers that are copied: all with weights but the last ones, in the model's order.

    Raises
    ------
    UsageError
        When no layer would be left.
    """
    layers = [layer for layer in model.layers if layer.weights]
    if reinit_last >= len(layers):
        msg = (
            f"start.reinit_last is {reinit_last}; the network has {len(layers)} layers with weights"
        )
        raise UsageError(msg)
    return layers[: len(layers) - reinit_last]


def copy_layers(model: keras.Model, start: StartOptions) -> None:
    """Set the layers that are copied, all or none.

    Raises
    ------
    UsageError
        When a layer is missing in the source or has another shape there.
    """
    tensors = source_tensors(start)
    for layer in copied_layers(model, start.reinit_last):
        for variable in layer.weights:
            name = f"{layer.name}/{variable.name}"
            has = tensors[name].shape if name in tensors else "nothing of that name"
            if has != tuple(variable.shape):
                msg = (
                    f"start: the weights to begin from have {has} for {name}, this network "
                    f"{tuple(variable.shape)}; begin from weights of the same network, or let more "
                    "of the last layers begin anew (reinit_last)"
                )
                raise UsageError(msg)
    for layer in copied_layers(model, start.reinit_last):
        for variable in layer.weights:
            variable.assign(tensors[f"{layer.name}/{variable.name}"])


def copy_what_is_there(model: keras.Model, start: StartOptions) -> None:
    """Set every tensor that the source has by the same name and of the same shape.

    For a later stage, whose new levels the source may know or not.
    """
    tensors = source_tensors(start)
    for name, variable in named_variables(model).items():
        if name in tensors and tensors[name].shape == tuple(variable.shape):
            variable.assign(tensors[name])
