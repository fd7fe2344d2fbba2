"""Samples of a stage from whatever there is: label maps to paint, and real images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..imaging.conform import SIDE
from ..imaging.extent import extent_around, extent_sides
from ..imaging.normalisation import Normalisation
from .ahead import Samples
from .config import StageOptions, TrainingConfig
from .dataset import Pair
from .heads import Head
from .real_samples import AugmentedSamples, untouched_sample
from .samples import Sample, SampleGrid, SynthesisedSamples
from .synthesis import Recipe
from .targets import Coding, Target, tissue_coding
from .volumes import ConformedPair

__all__ = ["Sources", "training_samples", "validation_samples"]


# Before every seed, so that no image of training is one of validation.
_TRAINING, _VALIDATION = range(2)


@dataclass(frozen=True)
class Sources:
    """What one side of the split holds.

    Parameters
    ----------
    heads : tuple of Head
        Label maps without an image.
    images : tuple of callable
        Each reads a real image with its labels.
    targets : tuple of Target
        Heads of the network.
    normalisation : Normalisation
        Of the real images.
    painted : tuple of Pair
        Rows of the label maps without an image; needed where targets have columns of
        their own.
    """

    heads: tuple[Head, ...]
    images: tuple[Callable[[], ConformedPair], ...]
    targets: tuple[Target, ...]
    normalisation: Normalisation = field(default_factory=Normalisation)
    painted: tuple[Pair, ...] = ()

    def painting(self) -> Coding:
        """Say what each tissue is in every head of the network.

        Raises
        ------
        UsageError
            As :func:`.targets.tissue_coding`.
        """
        return tissue_coding(self.targets, self.painted)


def training_samples(
    config: TrainingConfig, stage: StageOptions, sources: Sources, seed: Sequence[int]
) -> Samples:
    """Make the training samples of a stage, by number.

    Returns
    -------
    callable
        Synthetic and real samples in turn, as ``data.real_share`` says, whole
        batches of one kind.
    """
    batch = stage.batch_size
    real = AugmentedSamples(
        sources.images,
        stage.grid(),
        config.augmentation.odds(),
        sources.targets,
        (_TRAINING, *seed),
        sources.normalisation,
        images_per_draw=batch,
    )
    if not sources.heads:
        return real
    synthetic = SynthesisedSamples(
        sources.heads,
        stage.grid(),
        config.synthesis.recipe(),
        sources.painting().table(),
        (_TRAINING, *seed),
        images_per_draw=batch,
        uses=stage.uses,
    )
    if not sources.images:
        return synthetic

    def mixed(number: int) -> Sample:
        share = config.data.real_share
        step, place = divmod(number, batch)
        reals = int(step * share)
        if int((step + 1) * share) > reals:
            return real(reals * batch + place)
        return synthetic((step - reals) * batch + place)

    return mixed


def validation_samples(
    config: TrainingConfig, stage: StageOptions, sources: Sources, seed: int
) -> Iterator[tuple[str, Sample]]:
    """Make the validation samples of a stage with their kinds, at the extent of inference.

    A real image is cut where inference cuts it; the brain of a synthetic one is somewhere
    in a box of that size.

    Yields
    ------
    kind : {"t1w", "random", "real"}
    sample : Sample
    """
    table = sources.painting().table() if sources.heads else None
    for number, head in enumerate(sources.heads):
        grid = _inference_grid(stage, [last + 1 - first for first, last in head.brain_vox])
        for image in range(config.validation_images):
            kind = "t1w" if image == 0 else "random"
            # Anatomy as it is; borders where they are wanted of real images.
            recipe = Recipe(
                float(kind == "t1w"),
                0.0,
                config.synthesis.deformation_strength,
                narrow_share=0.0,
                narrow_sulci_share=0.0,
                rims_share=config.synthesis.rims_share,
            )
            entropy = (_VALIDATION, seed, number, image)
            assert table is not None
            yield kind, SynthesisedSamples([head], grid, recipe, table, entropy)(0)
    for read in sources.images:
        pair = read()
        box: tuple[slice, ...] = (slice(None),) * 3
        if stage.sees == "brain":
            box = extent_around(pair.brain_box, pair.image.shape)
        yield "real", untouched_sample(pair, box, stage.grid(), sources.normalisation)


def _inference_grid(stage: StageOptions, brain_mm: Sequence[int]) -> SampleGrid:
    """Grid of what a stage's network is given of a head whose brain has these sides."""
    sides_mm = extent_sides(brain_mm) if stage.sees == "brain" else (SIDE, SIDE, SIDE)
    x, y, z = (round(side / stage.voxel_mm) for side in sides_mm)
    return replace(stage.grid(), shapes=((x, y, z),))
