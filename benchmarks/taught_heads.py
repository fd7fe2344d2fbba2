"""Synthetic T1w heads with the labels that a trained network gives them, as pairs to train on.

``python benchmarks/taught_heads.py DATA [--count 60] [--preset lod-brain] [--least 0.85]``

DATA holds the label maps that weights/lod-brain-synth/pairs.tsv names without an image. Paints
heads like T1w (the same ones whenever it is run; a twelfth as many of the people held out),
segments them, and keeps those whose labels agree with the map that was painted: mean Dice of the
six classes at least --least, each above .7. The network is thought to draw its borders where those
had them whom it learned from; a label map has them where it was painted. Writes DATA/taught/ and
DATA/taught.tsv, rows for pairs.tsv; killed, it goes on. Prints how many were kept.
"""

import argparse
import csv
from pathlib import Path

import nibabel as nib
import numpy as np

from lodbrain_cli import Segmenter
from lodbrain_cli.errors import LodbrainError
from lodbrain_cli.evaluation.overlap import dice_scores
from lodbrain_cli.imaging.conform import SIDE
from lodbrain_cli.labels import get_label_map
from lodbrain_cli.training.dataset import Pair
from lodbrain_cli.training.render import conformed_head, painted
from lodbrain_cli.training.synthesis import Recipe, sample_synthesis

TABLE = Path(__file__).resolve().parents[1] / "weights/lod-brain-synth/pairs.tsv"
# Half of them with rims: where the network draws a border then is what is wanted.
RECIPE = Recipe(1.0, 0.0, narrow_share=0.6, narrow_sulci_share=0.3, rims_share=0.5)
LEAST_OF_A_CLASS = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--preset", default="lod-brain")
    parser.add_argument("--least", type=float, default=0.85)
    options = parser.parse_args()
    folder = options.data / "taught"
    folder.mkdir(exist_ok=True)
    segmenter = Segmenter(options.preset, device="cpu")
    maps = label_maps(options.data)
    for side, first, count in (
        ("train", 100, options.count),
        ("validation", 1000, options.count // 12),
    ):
        people = [p for p in maps if p.set == side]
        for seed in range(first, first + count):
            report = folder / f"syn{seed:04d}.tsv"
            if not report.exists():
                row = taught(people[seed % len(people)], folder, seed, segmenter, options.least)
                report.write_text(row)
                print(seed, row or "left out", flush=True)
    rows = [path.read_text() for path in sorted(folder.glob("syn*.tsv"))]
    kept = [row for row in rows if row]
    (options.data / "taught.tsv").write_text("\n".join(kept) + "\n")
    print(f"{len(kept)} of {len(rows)} kept")


def label_maps(data: Path) -> list[Pair]:
    """Rows of the table without an image; the others name what is yet to be made here."""
    with TABLE.open() as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if not row["image"]]
    return [
        Pair(row["subject"], data / row["labels"], None, row["label_map"], row["set"])
        for row in rows
    ]


def taught(pair: Pair, folder: Path, seed: int, segmenter: Segmenter, least: float) -> str:
    """Paint a head and segment it; the row of pairs.tsv, or nothing where the two disagree."""
    image, classes, affine = head_like(pair, seed)
    path = folder / f"syn{seed:04d}_T1w.nii.gz"
    nib.save(nib.Nifti1Image(image, affine), path)
    try:
        labels = segmenter.segment(path).labels
    except LodbrainError as error:
        print(seed, error, flush=True)
        labels = np.zeros_like(classes)
    dice = np.nan_to_num(dice_scores(labels, classes, 7))
    if dice.mean() < least or dice.min() < LEAST_OF_A_CLASS:
        path.unlink()
        return ""
    nib.save(nib.Nifti1Image(labels, affine), folder / f"syn{seed:04d}_dseg.nii.gz")
    place = f"taught/syn{seed:04d}"
    return f"{pair.subject}\t{place}_dseg.nii.gz\t{place}_T1w.nii.gz\tlod-brain-7\t{pair.set}"


def head_like(pair: Pair, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image (int16), classes that were painted (uint8) and affine, conformed grid."""
    label_map = get_label_map(pair.label_map)
    head, affine = conformed_head(pair.labels, label_map)
    rng = np.random.default_rng((77, seed))
    drawn = sample_synthesis(rng, head, (SIDE,) * 3, 1.0, RECIPE)
    image, classes = painted(head, drawn, label_map)
    bright = np.clip(image / np.percentile(image, 99.9), 0, 1.6) * 1000
    return bright.astype(np.int16), classes, affine


if __name__ == "__main__":
    main()
