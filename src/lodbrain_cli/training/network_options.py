"""Options of the network and of what it is to say."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from ..labels import get_label_set, read_classes
from ..presets import LodBrainConfig, architecture_config
from .stage_options import Options
from .targets import LABELS_COLUMN, Target

__all__ = ["TargetOptions", "checked_network"]

_TABLES = (".tsv", ".csv")


class TargetOptions(Options):
    """One head of the network.

    Parameters
    ----------
    label_set : str
        Name of a label set, or a table of classes (TSV or CSV), relative to the
        config file; see :func:`lodbrain_cli.labels.read_classes`.
    column : str
        Of the table of pairs, with the label images.
    covers_brain : bool
        Whether the structures together are the brain. Where those of no head are, a
        network that finds brains places the box for stages that see it, in training as
        in use, and an image without any of them is as good as others.
    """

    label_set: Annotated[str, Field(min_length=1)]
    column: Annotated[str, Field(min_length=1)] = LABELS_COLUMN
    covers_brain: bool = True

    def is_file(self) -> bool:
        """Whether a table of classes is named."""
        return self.label_set.lower().endswith(_TABLES)

    def beside(self, folder: Path) -> "TargetOptions":
        """Name the table from anywhere, not from `folder` alone."""
        if not self.is_file():
            return self
        return self.model_copy(update={"label_set": str((folder / self.label_set).absolute())})

    def target(self) -> Target:
        """As training reads it.

        Raises
        ------
        UsageError
            When the label set is unknown, or its table wrong.
        """
        if self.is_file():
            label_set, label_map = read_classes(Path(self.label_set))
        else:
            label_set, label_map = get_label_set(self.label_set), None
        if not self.covers_brain:
            label_set = replace(
                label_set, covers_brain=False, one_piece_probability=(), one_piece_label=()
            )
        return Target(label_set, label_map, self.column)


def checked_network(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the options of a network, all but its heads.

    Parameters
    ----------
    options : mapping
        ``architecture``, and the fields of its config.

    Returns
    -------
    dict
        With the types that they should have.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if "heads" in options:
        msg = "heads are those of data.targets"
        raise ValueError(msg)
    name = options.get("architecture", LodBrainConfig.architecture)
    kind = architecture_config(name, options.keys() - {"architecture"})
    values = {key: value for key, value in options.items() if key != "architecture"}
    try:
        TypeAdapter(kind).validate_python({**values, "heads": (2,)})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        msg = f"{place}: {first['msg']}".removeprefix(": ").removeprefix("Value error, ")
        raise ValueError(msg) from error
    return {"architecture": name, **values}
