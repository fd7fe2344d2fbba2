"""Options of a training run, from YAML, checked before anything is computed."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import UsageError
from ..presets import NetworkConfig
from .augmentation import AugmentationOdds
from .intensity_augmentation import INTENSITY
from .samples import SampleGrid
from .spatial_augmentation import SPATIAL
from .synthesis import Recipe

__all__ = ["DataOptions", "StageOptions", "TrainingConfig", "read_config"]

_SIDE_MM = 256

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Weights = dict[str, Annotated[float, Field(ge=0)]]
LossName = Literal[
    "per_channel_dice_loss",
    "tversky_custom_loss",
    "dice_loss",
    "tanimoto_loss",
    "focal_tversky_loss",
    "jaccard_loss",
    "categorical_crossentropy",
    "mixed_dice_cce_8_2",
    "mixed_dice_cce_6_4",
    "mixed_dice_cce_5_5",
    "mixed_dice_cce_4_6",
    "mixed_dice_cce_2_8",
]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataOptions(_Options):
    """What to train on.

    Parameters
    ----------
    table : str, optional
        TSV or CSV of pairs, relative to the config file.
    label_map : str, optional
        Without a table: the data folder is looked through, its label numbers
        are of this protocol.
    held_out : int
        People to validate on, where the table does not say who.
    real_share : float
        Share of real images among the samples, where some pairs have images
        and some have not; a pair with an image is used as it is.
    """

    table: str | None = None
    label_map: str | None = None
    held_out: Positive = 8
    real_share: Share = 0.5

    @model_validator(mode="after")
    def _one_source(self) -> "DataOptions":
        if (self.table is None) == (self.label_map is None):
            msg = "give either table, or label_map for a folder without one"
            raise ValueError(msg)
        return self


class SynthesisOptions(_Options):
    """How synthetic images are drawn; see :class:`.synthesis.Recipe`."""

    t1w_share: Share = 0.6
    stripped_share: Share = 0.1
    deformation_strength: Annotated[float, Field(ge=0, le=2)] = 1.0

    def recipe(self) -> Recipe:
        """As the synthesis reads it."""
        return Recipe(self.t1w_share, self.stripped_share, self.deformation_strength)


class AugmentationOptions(_Options):
    """Augmentation of real images; see :class:`.augmentation.AugmentationOdds`."""

    overall: Share = 0.9
    flip: Share = 0.5
    inhomogeneity: Share = 1.0
    spatial: Share = 1.0
    intensity: Share = 1.0
    spatial_weights: Weights = AugmentationOdds().spatial_weights
    intensity_weights: Weights = AugmentationOdds().intensity_weights

    @model_validator(mode="after")
    def _effects_exist(self) -> "AugmentationOptions":
        for weights, effects in (
            (self.spatial_weights, SPATIAL),
            (self.intensity_weights, INTENSITY),
        ):
            foreign = sorted(weights.keys() - effects.keys())
            if foreign or sum(weights.values()) <= 0:
                msg = f"effects are {', '.join(effects)}, one with a weight; got {dict(weights)}"
                raise ValueError(msg)
        return self

    def odds(self) -> AugmentationOdds:
        """As the augmentation reads it."""
        return AugmentationOdds(**self.model_dump())


class StageOptions(_Options):
    """One stage of the coarse-to-fine training.

    Parameters
    ----------
    name : str
    levels : int
        Levels of detail of the stage's network, from the coarsest.
    voxel_mm : float
        Grid of the network's input.
    image_mm : float
        Grid on which images are made; max-pooled down to `voxel_mm`.
    shapes : list of 3 int
        Sides of the input in voxels to choose from, [] for the whole 256 mm.
    sees : {"head", "brain"}
        What the network is given when it is used: the whole conformed volume,
        or the box around the brain, which a coarser network finds first. It
        decides over what intensities are normalised, and where validation is.
    steps : int
    epoch_steps : int
        Steps between validations.
    batch_size : int
    uses : int
        Samples made of each synthetic image.
    loss : str
        Name in ``LOSSES``.
    learning_rate, final_learning_rate : float
    schedule : {"cosine", "plateau"}
        Plateau: times `plateau_factor` after `plateau_epochs` without a better
        validation Dice, not below `final_learning_rate`.
    early_stop_epochs : int, optional
        End the stage after so many epochs without a better validation Dice.
    freeze_coarser : bool
        Leave the tensors of the coarser levels as they are.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    levels: Positive
    voxel_mm: Annotated[float, Field(ge=0.5, le=8)]
    image_mm: Annotated[float, Field(ge=0.5, le=8)]
    shapes: Annotated[list[tuple[Positive, Positive, Positive] | tuple[()]], Field(min_length=1)]
    sees: Literal["head", "brain"] = "head"
    steps: Positive
    epoch_steps: Positive
    batch_size: Positive = 1
    uses: Positive = 1
    loss: LossName = "per_channel_dice_loss"
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    final_learning_rate: Annotated[float, Field(gt=0)] = 1e-7
    schedule: Literal["cosine", "plateau"] = "plateau"
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.25
    plateau_epochs: Positive = 5
    early_stop_epochs: Positive | None = None
    freeze_coarser: bool = False

    @model_validator(mode="after")
    def _grids_fit(self) -> "StageOptions":
        if self.voxel_mm % self.image_mm:
            msg = f"voxel_mm {self.voxel_mm} is no multiple of image_mm {self.image_mm}"
            raise ValueError(msg)
        if self.sees == "brain" and () in self.shapes:
            msg = "a stage that sees the brain cannot have [], the whole volume, among its shapes"
            raise ValueError(msg)
        return self

    @property
    def whole(self) -> tuple[int, int, int]:
        """Sides of the whole conformed grid in voxels."""
        side = round(_SIDE_MM / self.voxel_mm)
        return (side, side, side)

    def grid(self) -> SampleGrid:
        """Grid of the stage's samples."""
        shapes = tuple(s or self.whole for s in self.shapes)
        pool = round(self.voxel_mm / self.image_mm)
        return SampleGrid(self.voxel_mm, pool, shapes, self.sees)


class NetworkOptions(_Options):
    """Shape of the final network; see :class:`lodbrain_cli.presets.NetworkConfig`."""

    num_levels: Positive = 2
    filters: tuple[Positive, ...] = (8, 16, 32)
    feature_channels: Positive | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    l2: Annotated[float, Field(ge=0)] = 1e-4

    @model_validator(mode="after")
    def _can_be_built(self) -> "NetworkOptions":
        self.config()
        return self

    def config(self) -> NetworkConfig:
        """As the network is built from it."""
        return NetworkConfig(**self.model_dump())


class TrainingConfig(_Options):
    """A whole run.

    Parameters
    ----------
    name : str
    seed : int
    precision : str
        Keras dtype policy.
    save_minutes : float
        Longest time of work that a kill can lose.
    validation_images : int
        Synthetic images per held-out label map: the first like T1w, the others
        of random contrast.
    average : float
        Decay per step of the running average of the weights that is validated and
        kept; 0 keeps the weights themselves.
    tensorboard : bool
        Write the history for TensorBoard too.
    network, data, synthesis, augmentation, stages
        See there.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    seed: Annotated[int, Field(ge=0)] = 0
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    save_minutes: Annotated[float, Field(gt=0)] = 4.0
    validation_images: Positive = 2
    average: Annotated[float, Field(ge=0, lt=1)] = 0.99
    tensorboard: bool = False
    network: NetworkOptions = NetworkOptions()
    data: DataOptions
    synthesis: SynthesisOptions = SynthesisOptions()
    augmentation: AugmentationOptions = AugmentationOptions()
    stages: Annotated[list[StageOptions], Field(min_length=1)]

    @model_validator(mode="after")
    def _stages_fit(self) -> "TrainingConfig":
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            msg = "stages need different names"
            raise ValueError(msg)
        for stage in self.stages:
            if stage.levels > self.network.num_levels:
                msg = f"stage {stage.name}: the network has {self.network.num_levels} levels"
                raise ValueError(msg)
            alignment = self.stage_network(stage).alignment
            for shape in stage.grid().shapes:
                if any(side % alignment for side in shape):
                    msg = f"stage {stage.name}: sides {shape} must be multiples of {alignment}"
                    raise ValueError(msg)
        return self

    def stage_network(self, stage: StageOptions) -> NetworkConfig:
        """Network of a stage: the coarsest levels, on its own grid."""
        return self.network.config().replace(num_levels=stage.levels)


def read_config(path: Path) -> TrainingConfig:
    """Read and check a config.

    Parameters
    ----------
    path : Path
        YAML; loaded safely, so that it can only hold plain values.

    Raises
    ------
    UsageError
        One line that names the option, what it got and what was expected.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"{path}: cannot be read as YAML ({' '.join(str(error).split())})"
        raise UsageError(msg) from error
    if not isinstance(values, dict):
        msg = f"{path}: expected options by name, got {type(values).__name__}"
        raise UsageError(msg)
    try:
        return TrainingConfig(**values)
    except ValidationError as error:
        problems = [_problem(found) for found in error.errors(include_url=False)]
        more = f" (and {len(problems) - 1} more, all with -v)" if len(problems) > 1 else ""
        msg = f"{path}: {problems[0]}{more}"
        raise UsageError(msg, details=problems) from error
    except TypeError as error:  # keys that are no strings
        msg = f"{path}: {error}"
        raise UsageError(msg) from error


def _problem(found: Any) -> str:
    place = ".".join(str(part) for part in found["loc"]) or "options"
    got = found["input"]
    shown = f"; received {got!r}" if isinstance(got, (str, int, float)) else ""
    return f"{place}: {found['msg'].removeprefix('Value error, ')}{shown}"
