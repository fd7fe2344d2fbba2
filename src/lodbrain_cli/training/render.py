"""Whole synthetic images of label maps, and one as a file for people to look at."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from keras import ops

from ..imaging.conform import SIDE, conform_labels, conformed_grid
from ..imaging.label_image import read_label_numbers
from ..labels import LabelMap, get_label_map
from ..outputs.images import Space, write_image
from .contrasts import ContrastKind
from .heads import Head, head_of, tissue_classes
from .synthesis import Recipe, Synthesis, apply_synthesis, sample_synthesis

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["conformed_head", "painted", "render"]


def render(
    labels: Path,
    output: Path,
    *,
    seed: int,
    contrast: ContrastKind,
    labels_output: Path | None = None,
) -> None:
    """Synthesise an image from a label map and write it.

    Parameters
    ----------
    labels : Path
        FreeSurfer's or SynthSeg's numbers.
    output : Path
        NIfTI, float32, conformed grid (LIA, 1 mm).
    seed : int
    contrast : {"t1w", "random"}
    labels_output : Path, optional
        NIfTI, uint8: the seven classes of the image.

    Raises
    ------
    InputError
        When the label map is refused.
    OutputError
        When a file cannot be written.
    """
    label_map = get_label_map("synthseg")  # FreeSurfer's numbers too
    head, affine = conformed_head(labels, label_map)
    recipe = Recipe(
        t1w_share=float(contrast == "t1w"),
        stripped_share=0.0,
        narrow_share=0.0,
        narrow_sulci_share=0.0,
        rims_share=0.0,
    )
    drawn = sample_synthesis(np.random.default_rng(seed), head, (SIDE,) * 3, 1.0, recipe)
    image, found = painted(head, drawn, label_map)
    space = Space("conformed", affine, (SIDE,) * 3)
    write_image(output, image, space, "none", f"synthetic {contrast}, seed {seed}")
    if labels_output is not None:
        write_image(labels_output, found, space, "label", label_map.label_set)


def conformed_head(labels: Path, label_map: LabelMap) -> tuple[Head, "NDArray[np.float64]"]:
    """Read a label map as a head to paint.

    Parameters
    ----------
    labels : Path
        In FreeSurfer's or SynthSeg's numbers.
    label_map : LabelMap
        From those numbers.

    Returns
    -------
    head : Head
    affine : (4, 4) float64 array
        Of the conformed grid (256³ at 1 mm, LIA), scanner RAS mm.

    Raises
    ------
    InputError
        When the label map is refused.
    """
    scan = read_label_numbers(labels, label_map)
    grid = conformed_grid(scan.data, scan.affine)
    return head_of(conform_labels(scan.data, scan.affine, grid), str(labels)), grid.affine


def painted(
    head: Head, drawn: Synthesis, label_map: LabelMap
) -> tuple["NDArray[np.float32]", "NDArray[np.uint8]"]:
    """Paint a head as it was drawn.

    Parameters
    ----------
    head : Head
    drawn : Synthesis
    label_map : LabelMap
        Gives the class of each tissue.

    Returns
    -------
    image : (X, Y, Z) float32 array
    classes : (X, Y, Z) uint8 array
        In the numbers of the label map's classes.
    """
    image, tissues = (ops.convert_to_numpy(x) for x in apply_synthesis(head.tissues, drawn))
    return image.astype(np.float32), tissue_classes(label_map)[tissues]
