"""One synthetic image as a file, for people to look at."""

from pathlib import Path

import numpy as np
from keras import ops

from ..imaging.conform import SIDE, conform_labels, conformed_grid
from ..imaging.label_image import read_label_numbers
from ..labels import get_label_map
from ..outputs.images import Space, write_image
from .contrasts import ContrastKind
from .heads import head_of, tissue_classes
from .synthesis import Recipe, apply_synthesis, sample_synthesis

__all__ = ["render"]


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
    scan = read_label_numbers(labels, get_label_map("synthseg"))  # FreeSurfer's numbers too
    grid = conformed_grid(scan.data, scan.affine)
    head = head_of(conform_labels(scan.data, scan.affine, grid), str(labels))
    recipe = Recipe(
        t1w_share=float(contrast == "t1w"),
        stripped_share=0.0,
        narrow_share=0.0,
        narrow_sulci_share=0.0,
        rims_share=0.0,
    )
    drawn = sample_synthesis(np.random.default_rng(seed), head, (SIDE,) * 3, 1.0, recipe)
    image, tissues = apply_synthesis(head.tissues, drawn)
    space = Space("conformed", grid.affine, (SIDE,) * 3)
    values = ops.convert_to_numpy(image).astype(np.float32)
    write_image(output, values, space, "none", f"synthetic {contrast}, seed {seed}")
    if labels_output is not None:
        found = tissue_classes(get_label_map("synthseg"))[ops.convert_to_numpy(tissues)]
        write_image(labels_output, found, space, "label", "lod-brain-7")
