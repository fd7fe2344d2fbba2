"""Fine-tuning: a trained network learns new classes from a few labelled volumes.

CEREBRUM-7T's recipe (SPEC D.5): layers copied, the last ones anew; a warm-up in
which what was copied stays; then all layers. Their rate is that of its documented
command (5e-4), not its default: Adam moves a weight by about the rate in a step, and
a few volumes give a few hundred steps: 600 of them move it by .006 at 1e-5.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from ..errors import InputError, UsageError
from ..files import make_folder, write_text
from ..imaging.extent import extent_sides
from ..presets import LodBrainConfig, Preset, find_preset, network_to_plain
from .config import TrainingConfig
from .dataset import Pair, read_table
from .network_options import TargetOptions
from .run import train
from .targets import Target
from .volumes import VolumeCache, labelled_ml, read_pair

if TYPE_CHECKING:
    from ..inference.keras_backend import Backend

__all__ = ["FinetuneOptions", "finetune", "finetune_config"]

_LOG = logging.getLogger(__name__)

# Steps of an epoch per volume: each is seen so often, augmented anew.
_STEPS_PER_VOLUME = 5
_PATCH = (128, 128, 128)

# Brains are larger, but for those of preterm babies; labels of less are of a part.
_LEAST_BRAIN_ML = 250


@dataclass(frozen=True)
class FinetuneOptions:
    """How a network is fine-tuned.

    Parameters
    ----------
    source : str
        Preset, or folder of a network of one's own, to begin from.
    classes : str
        Label set by name, or a table of classes; see
        :func:`lodbrain_cli.labels.read_classes`.
    reinit_last : int
        Last layers with weights that begin anew; where it is the last one alone, its classes
        begin as those of the source that they overlap most.
    warmup_epochs, epochs : int
        Epochs with the copied layers frozen, then with all layers; at most.
    warmup_rate, rate : float
        Learning rates of the two.
    loss : str
        Name in ``LOSSES``.
    held_out : int
        People to validate on, where the table does not say who; 0 for none: then
        the learning rates fall along a cosine, and all epochs are taken.
    seed : int
    """

    source: str
    classes: str
    reinit_last: int = 1
    warmup_epochs: int = 5
    epochs: int = 40
    warmup_rate: float = 5e-4
    rate: float = 5e-4
    loss: str = "per_channel_dice_loss"
    held_out: int = 1
    seed: int = 0


def finetune(
    table: Path,
    folder: Path,
    options: FinetuneOptions,
    *,
    backend: "Backend",
    data_folder: Path | None = None,
    cache_folder: Path | None = None,
    on_read: Callable[[str], None] | None = None,
) -> Path:
    """Fine-tune a network; a run that is in the folder goes on.

    Parameters
    ----------
    table : Path
        Pairs of images and label images; see :func:`.dataset.read_table`.
    folder : Path
        Of the run: what ``train`` writes, with its config.
    options : FinetuneOptions
    backend : Backend
    data_folder, cache_folder, on_read
        See :func:`.run.train`.

    Returns
    -------
    Path
        Best weights, with ``model.json`` beside them.

    Raises
    ------
    UsageError, InputError, WeightsError
        When the source, the table, the classes or a volume do not fit.
    """
    cache = VolumeCache(cache_folder)
    config = finetune_config(table, options, cache, data_folder)
    make_folder(folder)
    path = folder / "finetune.yaml"
    if not (folder / "state.h5").is_file():
        write_text(path, yaml.safe_dump(config, sort_keys=False))
    elif not path.is_file() or yaml.safe_load(path.read_text(encoding="utf-8")) != config:
        msg = f"{folder}: holds a run with other options or data; use another folder"
        raise UsageError(msg)
    base = data_folder or table.parent
    return train(
        path, folder, backend=backend, data_folder=base, cache_folder=cache_folder, on_read=on_read
    )


def finetune_config(
    table: Path, options: FinetuneOptions, cache: VolumeCache, data_folder: Path | None = None
) -> dict[str, Any]:
    """Options of the training run that fine-tunes, as plain values.

    Raises
    ------
    UsageError, InputError
        As :func:`finetune`.
    """
    source = find_preset(options.source)
    pairs = read_table(table, data_folder)
    without = next((pair for pair in pairs if pair.image is None), None)
    if without is not None:
        msg = f"{table}: subject {without.subject} has no image; fine-tuning needs one for each"
        raise UsageError(msg)
    target_options = _target(options.classes, pairs)
    grid = _grid(source, pairs, cache, target_options.target())
    epoch = max(_STEPS_PER_VOLUME * (len(pairs) - options.held_out), _STEPS_PER_VOLUME)
    schedule = "plateau" if options.held_out else "cosine"
    common = {**grid, "epoch_steps": epoch, "loss": options.loss, "schedule": schedule,
              "final_learning_rate": min(1e-7, options.rate)}  # fmt: skip
    stages = [
        {"name": "warm-up", "steps": options.warmup_epochs * epoch, "freeze_copied": True,
         "learning_rate": options.warmup_rate},
        {"name": "all-layers", "steps": options.epochs * epoch, "early_stop_epochs": 10,
         "learning_rate": options.rate},
    ]  # fmt: skip
    network = {k: v for k, v in network_to_plain(source.network).items() if k != "heads"}
    network.pop("downsampling", None)
    config: dict[str, Any] = {
        "name": f"{source.name}-{target_options.target().label_set.name}",
        "seed": options.seed,
        "start": {
            "preset": options.source,
            "reinit_last": options.reinit_last,
            **({"classes": "matched"} if options.reinit_last == 1 else {}),
        },
        "network": {k: list(v) if isinstance(v, tuple) else v for k, v in network.items()},
        "data": {
            "table": str(table.absolute()),
            "held_out": options.held_out,
            # Images go on being normalised as the copied layers know them.
            **({"statistics": str(source.folder)} if source.statistics else {}),
            "targets": [target_options.model_dump(exclude_defaults=True)],
        },
        "augmentation": {
            "overall": 1.0,
            "spatial_weights": {"translation": 1.0, "rotation": 1.0, "elastic": 1.0, "grid": 1.0},
        },
        "stages": [{**common, **stage} for stage in stages if stage["steps"]],
    }
    _check(config, table)
    return config


def _target(classes: str, pairs: Sequence[Pair]) -> TargetOptions:
    """Give the classes as what is learnt, and tell from all labels if they cover the brain.

    Raises
    ------
    InputError
        When some cover it and others do not, or none has any label.
    """
    options = TargetOptions(label_set=_absolute(classes))
    volumes = [labelled_ml(pair, options.target()) for pair in pairs]
    (least, smallest), (most, _) = (
        pick(zip(volumes, pairs, strict=True), key=lambda each: each[0]) for pick in (min, max)
    )
    if least >= _LEAST_BRAIN_ML:
        return options
    if most >= _LEAST_BRAIN_ML:
        msg = (
            f"{smallest.labels}: labels cover {least:.0f} ml, those of another volume {most:.0f}; "
            "expected either all of the brain or the same parts of it in each"
        )
        raise InputError(msg)
    if not most:
        msg = f"{smallest.labels}: neither here nor in another volume is there any of the classes"
        raise InputError(msg)
    _LOG.warning(
        "labels cover %.0f ml at most: learnt as parts of the brain, which is found as in use", most
    )
    return options.model_copy(update={"covers_brain": False})


def _grid(
    source: Preset, pairs: Sequence[Pair], cache: VolumeCache, target: Target
) -> dict[str, Any]:
    """Grid of the stages: what the source's network sees when it is used."""
    if not isinstance(source.network, LodBrainConfig):
        return {"voxel_mm": source.pool, "image_mm": source.pool, "shapes": [list(_PATCH)]}
    pool = source.pool * source.network.downsampling
    if source.sees == "head" and pool > 1:
        return {"voxel_mm": pool, "image_mm": 1, "shapes": [[]]}
    if source.statistics is not None:
        msg = (
            f"{source.name}: sees the whole head at 1 mm, normalised by voxel; fine-tuning goes on "
            "with the brain's box there, which has no such statistics; begin from another network"
        )
        raise UsageError(msg)
    # A whole head at 1 mm would take 30 GB to train on: such networks go on with the brain's box.
    shapes = set()
    for pair in pairs:
        brain = read_pair(pair, cache, [target]).brain_box
        sides = extent_sides([s.stop - s.start for s in brain])
        shapes.add(tuple(round(side / pool) for side in sides))
    return {"voxel_mm": pool, "image_mm": 1, "sees": "brain", "shapes": sorted(map(list, shapes))}


def _absolute(classes: str) -> str:
    return str(Path(classes).absolute()) if TargetOptions(label_set=classes).is_file() else classes


def _check(config: dict[str, Any], table: Path) -> None:
    """Refuse options that cannot be, before anything is written."""
    try:
        TrainingConfig(**config)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        msg = f"{table}: fine-tuning: {place}: {first['msg'].removeprefix('Value error, ')}"
        raise UsageError(msg) from error
