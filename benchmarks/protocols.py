"""One network for several protocols against one for each, on labels of well-kept packages.

``python benchmarks/protocols.py DATA OUT [--train 20] [--test 6] [--steps 400]``
(extra ``train``; ``pip install dipy``)

DATA is the folder of scans (pairs/). FSL's, SPM's and MALP-EM's labels, which NeuroNet learned,
are not to be had here, so its protocols are others, named for what made them: ``muse-tissue``
(DLMUSE's regions as seven classes), ``muse-deep`` (15 of its deep structures, left and right),
``dipy-hmrf`` (DIPY's hidden Markov random field, three tissues inside DLMUSE's brain, grown by
2 mm) and ``kmeans`` (scikit-learn's k-means of the intensities there, three clusters).

Trains NeuroNet on all, NeuroNet on each, and LOD-Brain with one head per protocol, from random
weights and from those of lod-brain-synth, at 2 mm, with the same people, loss, rate and number of
voxels: a window of NeuroNet holds a third of the voxels of the brain's box, so it takes three
steps for each one of LOD-Brain. Scores people that took no part by `lodbrain segment`'s own
pipeline, each on the scan's own grid. Killed, it goes on where it was. Prints the tables of
docs/accuracy.md.
"""

import argparse
import logging
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import yaml
from scipy import ndimage

from accuracy import LabelledScan, labelled_scans
from lodbrain_cli import Segmenter
from lodbrain_cli.evaluation.overlap import count_overlap
from lodbrain_cli.imaging.label_image import read_labels
from lodbrain_cli.inference.devices import allowed_threads
from lodbrain_cli.labels import read_classes
from lodbrain_cli.training.state import read_state

SIDES = (("Left", "30 37 56 58 60 48 32"), ("Right", "23 36 55 57 59 47 31"))
DEEP = ("accumbens", "caudate", "pallidum", "putamen", "thalamus", "hippocampus", "amygdala")
# Name, numbers of the label images, and the class's number in BIDS' table of labels.
TISSUES = (
    ("Background", "", 0), ("Fluid", "", 3), ("Grey matter", "", 1), ("White matter", "", 2)
)  # fmt: skip
PROTOCOLS = {
    "muse-tissue": (
        ("Background", "*", 0), ("Cortex", "100-207 31 32 47 48 75 76", 8),
        ("Basal ganglia", "23 30 36 37 55-62", 9), ("White matter", "44 45 81-95", 2),
        ("Ventricles", "4 11 49-52", 3), ("Cerebellum", "38-41 71-73", 11),
        ("Brainstem", "35", 10),
    ),
    "muse-deep": (
        ("Background", "*", 0), ("Brainstem", "35", 10),
        *((f"{side} {name}", number, 9) for side, numbers in SIDES
          for name, number in zip(DEEP, numbers.split(), strict=True)),
    ),
    "dipy-hmrf": TISSUES,
    "kmeans": TISSUES,
}  # fmt: skip
NEURONET = {"architecture": "neuronet"}
LOD_BRAIN = {"architecture": "lod-brain", "num_levels": 1, "dropout": 0, "l2": 0}
WINDOWS = 3  # of 64³ voxels, to one part of 80 × 96 × 104 or 80 × 88 × 96
START = {"preset": "lod-brain-synth", "classes": "matched"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", type=int, default=20)
    parser.add_argument("--test", type=int, default=6)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    learned, tested = people_of(options.data, options.train, options.test)
    write_classes(options.out)
    every = tuple(PROTOCOLS)
    runs = {
        "NeuroNet, all": (NEURONET, None, every),
        "LOD-Brain, all": (LOD_BRAIN, None, every),
        f"LOD-Brain, all, from {START['preset']}": (LOD_BRAIN, START, every),
    }
    runs |= {f"NeuroNet, {name} alone": (NEURONET, None, (name,)) for name in PROTOCOLS}
    found = {}
    for name, (network, start, protocols) in runs.items():
        folder = options.out / name.lower().replace(", ", "-").replace(" ", "-")
        write_pairs(options.out, folder.with_suffix(".tsv"), learned, protocols)
        seconds = train(options, folder, network, start, protocols)
        found[name] = (seconds, *score(options.out, folder, tested))
    report(options, found, tested)


def people_of(data: Path, train: int, test: int) -> tuple[list[LabelledScan], list[LabelledScan]]:
    """People to learn from, two more to validate on, and others, spread out, to be scored."""
    _, *scans = labelled_scans(data / "pairs")
    learned, others = scans[: train + 2], scans[train + 2 :]
    spread = np.linspace(0, len(others) - 1, test).round().astype(int)
    return learned, [others[i] for i in spread]


def write_classes(out: Path) -> None:
    """Tables of the classes of each protocol."""
    for name, classes in PROTOCOLS.items():
        lines = ["\t".join(map(str, (i, *each))) for i, each in enumerate(classes)]
        header = "index\tname\tnumbers\tmapping"
        (out / f"{name}.tsv").write_text("\n".join([header, *lines]) + "\n")


def write_pairs(out: Path, path: Path, learned: list[LabelledScan], protocols: tuple) -> None:
    """Table of pairs, a column for the labels of each protocol; the last two people validate."""
    rows = ["\t".join(["subject", "image", "label_map", "set", *columns_of(protocols)])]
    for place, scan in enumerate(learned):
        side = "validation" if place >= len(learned) - 2 else "train"
        labels = [labels_of(out, scan, name) for name in protocols]
        rows.append("\t".join(map(str, (scan.name, scan.image, "muse", side, *labels))))
    path.write_text("\n".join(rows) + "\n")


def columns_of(protocols: tuple) -> tuple:
    """Names of the columns: that of the first is the one that a table must have."""
    return ("labels", *protocols[1:])


def labels_of(out: Path, scan: LabelledScan, protocol: str) -> Path:
    """Label image of a protocol, made unless it is there; the scan's own of DLMUSE."""
    if protocol.startswith("muse"):
        return scan.labels
    path = out / "labels" / f"{scan.name}_{protocol}.nii.gz"
    if path.exists():
        return path
    path.parent.mkdir(exist_ok=True)
    image = nib.load(scan.image)
    values = np.asarray(image.dataobj, np.float32)
    brain = np.asarray(nib.load(scan.labels).dataobj) > 0
    inside = ndimage.binary_fill_holes(ndimage.binary_dilation(brain))
    box = ndimage.find_objects(inside.astype(int))[0]
    make = hidden_markov if protocol == "dipy-hmrf" else clusters_of
    labels = np.zeros(values.shape, np.uint8)
    labels[box] = make(values[box], inside[box])
    nib.save(nib.Nifti1Image(labels, image.affine), path)
    return path


def hidden_markov(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Fluid, grey and white matter by DIPY."""
    from dipy.segment.tissue import TissueClassifierHMRF

    logging.getLogger("dipy").setLevel(logging.WARNING)
    _, labels, _ = TissueClassifierHMRF().classify(values * inside, 3, 0.1, max_iter=10)
    return np.asarray(labels, np.uint8) * inside


def clusters_of(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Fluid, grey and white matter: clusters in order of their brightness."""
    from sklearn.cluster import KMeans

    model = KMeans(3, n_init=4, random_state=0).fit(values[inside][:, None])
    order = np.argsort(np.argsort(model.cluster_centers_[:, 0])) + 1
    labels = np.zeros(values.shape, np.uint8)
    labels[inside] = order[model.labels_]
    return labels


def train(
    options: argparse.Namespace, folder: Path, network: dict, start: dict | None, protocols: tuple
) -> float:
    """Train a network by the command; gives its seconds per step."""
    lod_brain = network is LOD_BRAIN
    steps = options.steps * (1 if lod_brain else WINDOWS)
    config = {
        "name": "protocols", "seed": 1, "average": 0.98, "network": network,
        "start": start,
        "data": {
            "table": str(folder.with_suffix(".tsv")),
            "targets": [
                {"label_set": str(options.out / f"{protocol}.tsv"), "column": column}
                for protocol, column in zip(protocols, columns_of(protocols), strict=True)
            ],
        },
        "augmentation": {"spatial_weights": {"rotation": 1, "translation": 1, "crop": 1}},
        "stages": [{
            "name": "only", "voxel_mm": 2, "image_mm": 1,
            # A part of a head for NeuroNet, as published; the brain's box for LOD-Brain.
            "sees": "brain" if lod_brain else "head",
            "shapes": [[80, 96, 104], [80, 88, 96]] if lod_brain else [[64, 64, 64]],
            "steps": steps, "epoch_steps": max(1, steps // 4),
            "loss": "mixed_dice_cce_5_5", "learning_rate": 1e-3,
            "final_learning_rate": 1e-5, "schedule": "cosine",
        }],
    }  # fmt: skip
    path = options.out / f"{folder.name}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    program = [sys.executable, "-m", "lodbrain_cli", "train", path, "-o", folder, "-q"]
    subprocess.run([*program, "--volume-cache", options.out / "cache"], check=True)
    progress = read_state(folder / "state.h5")[0]
    return progress.seconds / steps


def score(out: Path, folder: Path, tested: list[LabelledScan]) -> tuple[dict, float]:
    """Dice of each class of each protocol, scan by scan; and seconds per scan."""
    segmenter = Segmenter(str(folder), device="cpu")
    dice: dict[str, list] = {}
    seconds = []
    for scan in tested:
        started = time.perf_counter()
        result = segmenter.segment(scan.image)
        seconds.append(time.perf_counter() - started)
        for each in (result, *result.others):
            name = each.label_set.name
            label_set, label_map = read_classes(out / f"{name}.tsv")
            reference = read_labels(labels_of(out, scan, name), label_map)
            counts = count_overlap(each.labels, reference.labels, label_set.num_classes)
            dice.setdefault(name, []).append(counts.dice)
    return dice, float(np.median(seconds))


def report(options: argparse.Namespace, found: dict, tested: list[LabelledScan]) -> None:
    people = len(tested)
    print(
        f"{options.train} people trained on, {people} others scored; {options.steps} steps of "
        f"LOD-Brain, {WINDOWS * options.steps} of NeuroNet; {allowed_threads()} threads\n"
    )
    print(f"| foreground Dice, mean ± SD of {people} | {' | '.join(PROTOCOLS)} | s/step | s/scan |")
    print("|---" * (len(PROTOCOLS) + 3) + "|")
    for name, (step, dice, scan) in found.items():
        cells = []
        for protocol in PROTOCOLS:
            people_means = np.nanmean(dice[protocol], axis=1) if protocol in dice else []
            cells.append(
                f"{np.mean(people_means):.3f} ± {np.std(people_means):.3f}"
                if protocol in dice
                else ""
            )
        print(f"| {name} | {' | '.join(cells)} | {step:.2f} | {scan:.1f} |")
    for protocol, classes in PROTOCOLS.items():
        names = [name for name, *_ in classes[1:]]
        print(f"\n| {protocol} | {' | '.join(names)} |\n" + "|---" * (len(names) + 1) + "|")
        for name, (_, dice, _) in found.items():
            if protocol in dice:
                cells = " | ".join(f"{d:.3f}" for d in np.nanmean(dice[protocol], axis=0))
                print(f"| {name} | {cells} |")
        shares = shares_of(options.out, tested, protocol)
        cells = " | ".join(f"{a:.2f}-{b:.2f}" for a, b in zip(*shares, strict=True))
        print(f"| share of the reference, least-most | {cells} |")


def shares_of(out: Path, tested: list[LabelledScan], protocol: str) -> tuple:
    """Least and most of what a reference labels that each class has, over people."""
    label_set, label_map = read_classes(out / f"{protocol}.tsv")
    shares = []
    for scan in tested:
        labels = read_labels(labels_of(out, scan, protocol), label_map).labels
        counts = np.bincount(labels[labels > 0], minlength=label_set.num_classes)[1:]
        shares.append(counts / counts.sum())
    return np.min(shares, axis=0), np.max(shares, axis=0)


if __name__ == "__main__":
    main()
