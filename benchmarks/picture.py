"""Draw label outlines and fills over a scan, three planes, radiological words at the edges.

``python benchmarks/picture.py T1.nii.gz seg.nii.gz out.png`` (needs the extra ``plots``)
"""

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from lodbrain_cli.labels import get_label_set

COLUMNS = 4
PLANES = (("sagittal", "P", "A"), ("coronal", "L", "R"), ("axial", "L", "R"))


def draw(scan: Path, labels: Path, target: Path, label_set: str = "lod-brain-7") -> None:
    """Save a mosaic: one row a plane, slices spread over the labelled extent.

    Images are shown in RAS+ order, so left is on the left of coronal and axial slices.
    """
    image = nib.as_closest_canonical(nib.load(scan))
    names = get_label_set(label_set)
    values = image.get_fdata(dtype=np.float32)
    segmented = np.asarray(nib.as_closest_canonical(nib.load(labels)).dataobj)
    colours = ListedColormap([x.color for x in names.labels])
    figure, axes = plt.subplots(3, COLUMNS, figsize=(2.6 * COLUMNS, 7.4), facecolor="black")
    for axis, (title, first, last) in enumerate(PLANES):
        for place, panel in zip(slices(segmented, axis), axes[axis], strict=True):
            grey = np.take(values, place, axis).T
            overlay = np.ma.masked_equal(np.take(segmented, place, axis).T, 0)
            zooms = [z for i, z in enumerate(image.header.get_zooms()[:3]) if i != axis]
            style = {"origin": "lower", "aspect": zooms[1] / zooms[0]}
            panel.imshow(grey, cmap="gray", vmin=0, vmax=np.percentile(values, 99.6), **style)
            panel.imshow(
                overlay,
                cmap=colours,
                vmin=-0.5,
                vmax=names.num_classes - 0.5,
                alpha=0.5,
                interpolation="nearest",
                **style,
            )
            panel.set_axis_off()
        for word, across in ((first, 0.02), (last, 0.93)):
            axes[axis][0].text(across, 0.03, word, color="white", transform=axes[axis][0].transAxes)
        axes[axis][0].set_title(title, color="white", fontsize=9, loc="left")
    patches = [Patch(color=x.color, label=x.name) for x in names.structures]
    figure.legend(
        handles=patches,
        loc="lower center",
        ncols=6,
        fontsize=8,
        facecolor="black",
        labelcolor="white",
        frameon=False,
    )
    figure.subplots_adjust(0.01, 0.05, 0.99, 0.96, 0.02, 0.08)
    figure.savefig(target, dpi=90, facecolor="black")
    plt.close(figure)


def slices(labels: np.ndarray, axis: int) -> np.ndarray:
    """Choose slices spread over the labelled part of an axis."""
    others = tuple(i for i in range(3) if i != axis)
    occupied = np.flatnonzero(labels.any(axis=others))
    if len(occupied) == 0:
        occupied = np.arange(labels.shape[axis])
    return np.linspace(*np.quantile(occupied, [0.2, 0.8]), COLUMNS).round().astype(int)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for argument in ("scan", "labels", "target"):
        parser.add_argument(argument, type=Path)
    options = parser.parse_args()
    draw(options.scan, options.labels, options.target)
