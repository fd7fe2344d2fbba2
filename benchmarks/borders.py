"""Where labels end within the brightness of images: of real scans, and of synthetic ones.

``python benchmarks/borders.py [--pair IMAGE LABELS ...] [--map LABELS ...]``

For two classes that touch: how much of the first one's brightness, from the second's (0) to its
own (1), voxels have on both sides of the border (medians; scans on their own grids). Painted at
the middle of a voxel's mixture, the two sum to 1; labels that end farther inside give more. LABELS
of --pair have the seven classes, on the image's grid; those of --map are FreeSurfer's or SynthSeg's
numbers, and are painted like T1w with `synthesis.rims_share` 0 and 1.
"""

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from lodbrain_cli.labels import get_label_map
from lodbrain_cli.training.render import conformed_head, painted
from lodbrain_cli.training.synthesis import Recipe, sample_synthesis

CROSS = ndimage.generate_binary_structure(3, 1)
OUTSIDE, GM, BG, WM, VENTRICLES, CEREBELLUM = range(6)
BORDERS = {
    "GM, outside": (GM, OUTSIDE),
    "cerebellum, outside": (CEREBELLUM, OUTSIDE),
    "GM, WM": (GM, WM),
    "BG, WM": (BG, WM),
    "ventricles, WM": (VENTRICLES, WM),
    "ventricles, BG": (VENTRICLES, BG),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", nargs=2, action="append", type=Path, default=[])
    parser.add_argument("--map", action="append", type=Path, default=[])
    options = parser.parse_args()
    print("| | " + " | ".join(BORDERS) + " |")
    print("|---|" + "---|" * len(BORDERS))
    for image, labels in options.pair:
        values = np.asarray(nib.load(image).dataobj, np.float32)
        row(image.name.removesuffix(".nii.gz"), values, np.asarray(nib.load(labels).dataobj))
    for path in options.map:
        for share in (0.0, 1.0):
            kind = "with" if share else "without"
            row(f"{path.name.removesuffix('.nii.gz')}, {kind} rims", *t1w_like(path, share))


def t1w_like(path: Path, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Paint an image like T1w from a label map; give it with its classes."""
    label_map = get_label_map("synthseg")
    head, _ = conformed_head(path, label_map)
    recipe = Recipe(1.0, 0.0, narrow_share=0.0, narrow_sulci_share=0.0, rims_share=share)
    drawn = sample_synthesis(np.random.default_rng(0), head, (160, 208, 176), 1.0, recipe)
    return painted(head, drawn, label_map)


def row(name: str, image: np.ndarray, labels: np.ndarray) -> None:
    cells = [profile(image, labels, *classes) for classes in BORDERS.values()]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def profile(image: np.ndarray, labels: np.ndarray, inner: int, outer: int) -> str:
    """Shares of the inner brightness inside and outside of a border."""
    one, other = labels == inner, labels == outer
    inside, outside = (ndimage.binary_erosion(mask, CROSS) for mask in (one, other))
    bright = local_mean(image, inside)
    if outer == OUTSIDE:  # the dark of the fluid near the brain
        near = ndimage.binary_dilation(labels > 0, CROSS, iterations=4)
        dark = np.float32(np.percentile(image[outside & near], 15))
    else:
        dark = local_mean(image, outside)
    span = bright - dark
    clear = np.isfinite(span) & (np.abs(span) > 0.15 * np.median(image[labels == WM]))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (image - dark) / span
    sides = (
        one & ndimage.binary_dilation(other, CROSS),
        other & ndimage.binary_dilation(one, CROSS),
    )
    return ", ".join(
        f"{np.median(share[side & clear]):.2f}" if np.count_nonzero(side & clear) > 50 else "-"
        for side in sides
    )


def local_mean(image: np.ndarray, mask: np.ndarray, sigma: float = 4.0) -> np.ndarray:
    """Mean of a class around each voxel; nan far from it."""
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    total = ndimage.gaussian_filter(np.where(mask, image, 0).astype(np.float32), sigma)
    return np.where(weight > 1e-3, total / np.maximum(weight, 1e-6), np.nan)


if __name__ == "__main__":
    main()
