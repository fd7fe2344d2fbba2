"""Images of heads that were never scanned, with labels that are right by construction.

After SynthSeg (Billot et al., Medical Image Analysis 86 (2023) 102789): a label
map is deformed, every tissue painted with a random intensity, and the result
degraded as a scanner would.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from keras import ops

from .acquisition import Acquisition, apply_acquisition, field_of_view, sample_acquisition
from .contrasts import Contrast, ContrastKind, apply_contrast, sample_contrast
from .deformation import Deformation, apply_deformation, sample_deformation
from .heads import Head, brain_tissues
from .rims import RIMS, apply_rims, sample_rims
from .sulci import narrow_sulci
from .tissues import TISSUES
from .ventricles import narrow_ventricles

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recipe", "Synthesis", "apply_synthesis", "sample_synthesis"]

_SIDE_MM = 256.0
_MARGIN_MM = 6.0
_KEPT = (0.15, 0.8)
_FLUID = next(i for i, t in enumerate(TISSUES) if t.name == "cerebrospinal fluid")

Stripping = Literal["none", "brain", "brain and fluid"]


@dataclass(frozen=True)
class Recipe:
    """How often what happens to a head.

    Parameters
    ----------
    t1w_share : float
        Share of T1w-like contrasts; the others are random.
    stripped_share : float
        Share of images without skull.
    deformation_strength : float
        Factor on all deformations.
    narrow_share : float
        Share of heads whose ventricles are made narrower.
    narrow_sulci_share : float
        Share of heads, drawn apart, whose sulci are.
    rims_share : float
        Share of images whose labels end farther inside than the brightness.
    """

    t1w_share: float = 0.6
    stripped_share: float = 0.1
    deformation_strength: float = 1.0
    narrow_share: float = 0.5
    narrow_sulci_share: float = 0.5
    rims_share: float = 0.9


@dataclass(frozen=True)
class Synthesis:
    """Everything that was drawn for one image.

    Parameters
    ----------
    shape : tuple of 3 int
        Voxels of the image.
    voxel_mm : float
    deformation, contrast, acquisition
        Parameters of the three steps.
    stripping : {"none", "brain", "brain and fluid"}
        What is left of the head.
    ventricles_kept : float
        Share of the ventricles' volume that is left, at least.
    narrowed_banks : int
        Banks of the sulci that grew: 0, 1 or 2.
    rims : tuple of float
        Strength of each of :data:`.rims.RIMS`.
    """

    shape: tuple[int, int, int]
    voxel_mm: float
    deformation: Deformation
    contrast: Contrast
    acquisition: Acquisition
    stripping: Stripping
    ventricles_kept: float = 1.0
    narrowed_banks: int = 0
    rims: tuple[float, ...] = (0.0,) * len(RIMS)


def sample_synthesis(
    rng: np.random.Generator,
    head: Head,
    shape: tuple[int, int, int],
    voxel_mm: float,
    recipe: Recipe,
) -> Synthesis:
    """Draw an image of a head.

    Parameters
    ----------
    rng : Generator
    head : Head
    shape : tuple of 3 int
        Voxels of the image. The brain lies inside it where it fits; 256 mm
        along an axis is the conformed grid, where the head is moved little.
    voxel_mm : float
    recipe : Recipe

    Returns
    -------
    Synthesis
    """
    extent_mm = tuple(n * voxel_mm for n in shape)
    kind: ContrastKind = "t1w" if rng.random() < recipe.t1w_share else "random"
    stripping: Stripping = "none"
    if rng.random() < recipe.stripped_share:
        stripping = "brain" if rng.random() < 0.5 else "brain and fluid"
    centre = _sample_centre(rng, head, extent_mm)
    brain = np.mean(head.brain_vox, axis=1)
    drawn = Synthesis(
        shape,
        voxel_mm,
        sample_deformation(
            rng,
            centre,
            extent_mm,  # type: ignore[arg-type]
            strength=recipe.deformation_strength,
        ),
        sample_contrast(rng, kind, extent_mm),  # type: ignore[arg-type]
        sample_acquisition(rng, brain - centre),
        stripping,
    )
    # Drawn last, and all of it: whatever the shares, a seed gives the same image else.
    (narrow, thin), kept, banks = rng.random(2), rng.uniform(*_KEPT), rng.integers(1, 3)
    rimmed, rims = rng.random(), sample_rims(rng)
    return replace(
        drawn,
        ventricles_kept=float(kept) if narrow < recipe.narrow_share else 1.0,
        narrowed_banks=int(banks) if thin < recipe.narrow_sulci_share else 0,
        rims=rims if rimmed < recipe.rims_share else drawn.rims,
    )


def _sample_centre(
    rng: np.random.Generator, head: Head, extent_mm: tuple[float, ...]
) -> "NDArray[np.float64]":
    centre = np.empty(3)
    for axis, side in enumerate(extent_mm):
        first, last = head.brain_vox[axis]
        if side >= _SIDE_MM:
            centre[axis] = (side - 1) / 2 - head.origin_vox[axis] + rng.uniform(-12, 12)
            continue
        low, high = last + _MARGIN_MM - side / 2, first - _MARGIN_MM + side / 2
        centre[axis] = rng.uniform(low, high) if low < high else (low + high) / 2
    return centre


def apply_synthesis(tissues: "NDArray[np.uint8]", synthesis: Synthesis) -> tuple[Any, Any]:
    """Make the image that was drawn.

    Parameters
    ----------
    tissues : (X, Y, Z) uint8 array
        Of the :class:`.heads.Head` that it was drawn for.
    synthesis : Synthesis

    Returns
    -------
    image : (*shape) float32 tensor
        Magnitudes, not normalised.
    tissues : (*shape) int32 tensor
        What is where, air where the field of view was cut.
    """
    if synthesis.ventricles_kept < 1:
        tissues = narrow_ventricles(tissues, synthesis.ventricles_kept)
    if synthesis.narrowed_banks:
        tissues = narrow_sulci(tissues, synthesis.narrowed_banks)
    deformed = apply_deformation(
        ops.convert_to_tensor(tissues), synthesis.deformation, synthesis.shape, synthesis.voxel_mm
    )
    painted = apply_contrast(deformed, synthesis.contrast)
    if any(synthesis.rims):
        painted = apply_rims(painted, deformed, synthesis.rims, synthesis.voxel_mm)
    if synthesis.stripping != "none":
        kept = ops.take(ops.convert_to_tensor(brain_tissues()), deformed)
        if synthesis.stripping == "brain and fluid":
            kept = ops.logical_or(kept, deformed == _FLUID)
        painted = painted * ops.cast(kept, "float32")
    image = apply_acquisition(ops.maximum(painted, 0.0), synthesis.acquisition, synthesis.voxel_mm)
    # What the field of view cut off cannot be known, and is not to be guessed.
    seen = field_of_view(synthesis.shape, synthesis.acquisition)
    return image, ops.cast(deformed, "int32") * ops.cast(seen, "int32")
