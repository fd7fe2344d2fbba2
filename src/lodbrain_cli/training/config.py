"""Options of a training run, from YAML, checked before anything is computed."""

from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from ..errors import UsageError
from ..imaging.extent import STEP_MM
from ..presets import LodBrainConfig, NetworkConfig, Windows, network_from_plain
from .augmentation import AugmentationOdds
from .intensity_augmentation import INTENSITY
from .network_options import TargetOptions, checked_network
from .spatial_augmentation import SPATIAL
from .stage_options import MOST_STEPS, Options, Positive, StageOptions, is_multiple
from .start import StartOptions
from .synthesis import Recipe

__all__ = ["DataOptions", "StageOptions", "TrainingConfig", "read_config"]

Share = Annotated[float, Field(ge=0, le=1)]
# With which a network is checked before its label sets are read.
_ANY_HEADS = (2,)

Weights = dict[str, Annotated[float, Field(ge=0)]]


class DataOptions(Options):
    """What to train on.

    Parameters
    ----------
    table : str, optional
        TSV or CSV of pairs, relative to the config file.
    label_map : str, optional
        Without a table: the data folder is looked through, its label numbers
        are of this protocol.
    held_out : int
        People to validate on, where the table does not say who; 0 for none: the
        last weights are kept, whatever they are worth. They are drawn
        when a run begins; whoever is added later is trained on.
    real_share : float
        Share of real images among the samples, where some pairs have images
        and some have not; a pair with an image is used as it is.
    statistics : str, optional
        Folder of ``lodbrain dataset-stats``, relative to the config file: images are
        normalised by voxel with its mean and standard deviation, which go with the
        weights. For stages that see the head, and real images alone.
    targets : list
        Heads of the network; see :class:`.network_options.TargetOptions`.
    """

    table: str | None = None
    label_map: str | None = None
    held_out: Annotated[int, Field(ge=0)] = 8
    real_share: Share = 0.5
    statistics: str | None = None
    targets: Annotated[tuple[TargetOptions, ...], Field(min_length=1)] = (
        TargetOptions(label_set="lod-brain-7"),
    )

    @model_validator(mode="after")
    def _one_source(self) -> "DataOptions":
        if (self.table is None) == (self.label_map is None):
            msg = "give either table, or label_map for a folder without one"
            raise ValueError(msg)
        return self


class SynthesisOptions(Options):
    """How synthetic images are drawn; see :class:`.synthesis.Recipe`."""

    t1w_share: Share = 0.6
    stripped_share: Share = 0.1
    deformation_strength: Annotated[float, Field(ge=0, le=2)] = 1.0
    narrow_share: Share = 0.5
    narrow_sulci_share: Share = 0.5
    rims_share: Share = 0.9

    def recipe(self) -> Recipe:
        """As the synthesis reads it."""
        return Recipe(**self.model_dump())


class AugmentationOptions(Options):
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


class TrainingConfig(Options):
    """A whole run.

    Parameters
    ----------
    name : str
    seed : int
        With the number of a step still within the 32 bits of a backend's seed.
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
    start : optional
        Weights to begin from; default: random ones. See :class:`.start.StartOptions`.
    network, data, synthesis, augmentation, stages
        See there.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    seed: Annotated[int, Field(ge=0, lt=2**32 - MOST_STEPS)] = 0
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    save_minutes: Annotated[float, Field(gt=0)] = 4.0
    validation_images: Positive = 2
    average: Annotated[float, Field(ge=0, lt=1)] = 0.99
    tensorboard: bool = False
    start: StartOptions | None = None
    network: dict[str, Any] = Field(default_factory=dict)
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
            alignment = self.stage_network(stage, _ANY_HEADS).alignment
            for shape in stage.grid().shapes:
                if any(side % alignment for side in shape):
                    msg = f"stage {stage.name}: sides {shape} must be multiples of {alignment}"
                    raise ValueError(msg)
            if stage.freeze_copied and self.start is None:
                msg = f"stage {stage.name}: freeze_copied, but nothing is copied without start"
                raise ValueError(msg)
            if stage.sees == "brain" and not is_multiple(STEP_MM, stage.voxel_mm * alignment):
                msg = (
                    f"stage {stage.name}: voxel_mm {stage.voxel_mm} does not fit sees: brain: the "
                    f"box's sides go in steps of {STEP_MM} mm, which must be a multiple of the "
                    f"{alignment} voxels that the network needs"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _statistics_fit(self) -> "TrainingConfig":
        boxed = [stage.name for stage in self.stages if stage.sees == "brain"]
        if self.data.statistics is not None and boxed:
            msg = (
                f"data.statistics: are of whole heads, but stage {boxed[0]} has sees: brain, a box "
                "that lies elsewhere in each; expected sees: head"
            )
            raise ValueError(msg)
        return self

    def stage_windows(self, stage: StageOptions) -> Windows | None:
        """Windows that a stage's network is run on: of its largest part, half overlapping.

        None where it was shown all that it is given when it is used; and for LOD-Brain,
        whose statistics are those of a whole extent.
        """
        whole = stage.sees == "brain" or stage.whole in stage.grid().shapes
        if whole or isinstance(self.stage_network(stage, _ANY_HEADS), LodBrainConfig):
            return None
        x, y, z = max(stage.grid().shapes, key=prod)
        return Windows((x, y, z), (max(1, x // 2), max(1, y // 2), max(1, z // 2)))

    def stage_network(self, stage: StageOptions, heads: tuple[int, ...]) -> NetworkConfig:
        """Network of a stage: where it has levels the coarsest of them, on the stage's grid.

        Raises
        ------
        ValueError
            When the network has not so many levels, or cannot have such heads.
        """
        network = network_from_plain({**self.network, "heads": heads})
        if stage.levels is None:
            return network
        most = network.num_levels if isinstance(network, LodBrainConfig) else 0
        if stage.levels > most:
            has = f"{most} levels" if most else "no levels of detail"
            msg = f"stage {stage.name}: the network has {has}; received levels {stage.levels}"
            raise ValueError(msg)
        return network.replace(num_levels=stage.levels)

    @field_validator("network")
    @classmethod
    def _network_can_be_built(cls, options: dict[str, Any]) -> dict[str, Any]:
        return checked_network(options)


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
