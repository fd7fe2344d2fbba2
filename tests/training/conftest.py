"""Two people with labels of two protocols, and a run that was trained on one of them."""

import nibabel as nib
import numpy as np
import pytest

from .runs import CLASSES, NETWORKS, TWO, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two people, each with an image, labels and labels of another protocol."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    rows = []
    for person, side in (("ann", "train"), ("bob", "validation")):
        labels = np.zeros((64, 64, 64), np.uint8)
        labels[12:50, 14:52, 10:32] = 2
        labels[12:50, 14:52, 32:50] = 3
        image = (40 * labels + rng.normal(size=labels.shape)).astype(np.float32)
        affine = np.diag([4.0, 4.0, 4.0, 1.0])
        affine[:3, 3] = -128
        other = (labels == 3).astype(np.uint8)
        for name, values in (("T1w", image), ("dseg", labels), ("half", other)):
            nib.save(nib.Nifti1Image(values, affine), folder / f"{person}_{name}.nii.gz")
        names = (f"{person}_{name}.nii.gz" for name in ("dseg", "T1w", "half"))
        rows.append([person, side, "freesurfer", *names])
    header = ["subject", "set", "label_map", "labels", "image", "other"]
    for table, width in (("pairs.tsv", 5), ("both.tsv", 6)):
        lines = ["\t".join(row[:width]) for row in (header, *rows)]
        (folder / table).write_text("\n".join(lines) + "\n")
    (folder / "two.tsv").write_text(CLASSES)
    (folder / "half.tsv").write_text("index\tname\tmapping\n0\tNone\t0\n1\tHalf\t8\n")
    return folder


@pytest.fixture(scope="module")
def run(folder):
    return trained(folder, "lod", TWO, network=NETWORKS["lod-brain"])
