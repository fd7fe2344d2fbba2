"""Options of one stage of a training run."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .samples import SampleGrid

__all__ = ["MOST_STEPS", "Options", "Positive", "StageOptions", "is_multiple"]

#: Of a stage: a seed and a number of steps are added, and backends take 32 bits.
MOST_STEPS = 2**31

_SIDE_MM = 256

Positive = Annotated[int, Field(gt=0)]
LossName = Literal[
    "per_channel_dice_loss",
    "tversky_custom_loss",
    "dice_loss",
    "tanimoto_loss",
    "focal_tversky_loss",
    "jaccard_loss",
    "foreground_jaccard_loss",
    "categorical_crossentropy",
    "mixed_dice_cce_8_2",
    "mixed_dice_cce_6_4",
    "mixed_dice_cce_5_5",
    "mixed_dice_cce_4_6",
    "mixed_dice_cce_2_8",
]


def is_multiple(length_mm: float, part_mm: float) -> bool:
    """Whether a length is so many whole parts: 1.8 mm are three of 0.6, but for rounding."""
    ratio = length_mm / part_mm
    return round(ratio) > 0 and abs(ratio - round(ratio)) < 1e-6 * ratio


class Options(BaseModel):
    """Options of which none is unknown and none changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StageOptions(Options):
    """One stage of the coarse-to-fine training.

    Parameters
    ----------
    name : str
    levels : int, optional
        Levels of detail of the stage's network, from the coarsest; default: all
        that it has.
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
    freeze_copied : bool
        Leave the layers as they are that the run began with (``start``).
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    levels: Positive | None = None
    voxel_mm: Annotated[float, Field(ge=0.5, le=8)]
    image_mm: Annotated[float, Field(ge=0.5, le=8)]
    shapes: Annotated[list[tuple[Positive, Positive, Positive] | tuple[()]], Field(min_length=1)]
    sees: Literal["head", "brain"] = "head"
    steps: Annotated[int, Field(gt=0, le=MOST_STEPS)]
    epoch_steps: Positive = 100
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
    freeze_copied: bool = False

    @model_validator(mode="after")
    def _values_fit(self) -> "StageOptions":
        if not is_multiple(self.voxel_mm, self.image_mm):
            msg = f"voxel_mm {self.voxel_mm} is no multiple of image_mm {self.image_mm}"
            raise ValueError(msg)
        for shape in self.shapes:
            if any(side > self.whole[0] for side in shape):
                msg = (
                    f"shapes: {list(shape)} voxels of {self.voxel_mm} mm are more than "
                    f"{_SIDE_MM} mm; expected at most {self.whole[0]} along a side"
                )
                raise ValueError(msg)
        if self.final_learning_rate > self.learning_rate:
            msg = (
                f"final_learning_rate {self.final_learning_rate} is above learning_rate "
                f"{self.learning_rate}; the rate only falls"
            )
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
