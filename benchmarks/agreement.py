"""Compare lodbrain's results with exact references, published masks and FreeSurfer.

``python benchmarks/agreement.py DATA WEIGHTS``

DATA holds the scans of the project's test data, WEIGHTS the released weights_lv1.h5.
Prints the tables of docs/accuracy.md.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np

from lodbrain_cli.evaluation.overlap import dice_scores

CHECK = Path(__file__).resolve().parents[1] / "tests" / "inference" / "engine_check.py"
ENGINES = [("openvino", ""), ("keras", "tensorflow"), ("keras", "jax"), ("keras", "torch")]
ASEG = {
    "Ventricles (with choroid plexus)": (4, (4, 5, 14, 15, 43, 44, 72, 31, 63)),
    "Ventricles (without)": (4, (4, 5, 14, 15, 43, 44, 72)),
    "Cerebellum": (5, (7, 8, 46, 47)),
    "Brainstem": (6, (16,)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    options = parser.parse_args()
    print_engines(options.data, options.weights)
    from lodbrain_cli import Segmenter

    segmenter = Segmenter(weights=options.weights, device="cpu")
    print_masks(segmenter, options.data)
    print_freesurfer(segmenter, options.data)


def print_engines(data: Path, weights: Path) -> None:
    print("| engine | brain voxels that differ | logits, largest | variance, largest relative |")
    print("|---|---|---|---|")
    for engine, backend in ENGINES:
        if backend and importlib.util.find_spec(backend) is None:
            continue
        done = subprocess.run(
            [sys.executable, CHECK, engine, weights, data],
            env={**os.environ, "KERAS_BACKEND": backend or "tensorflow"},
            capture_output=True,
            text=True,
            check=True,
        )
        r = json.loads(done.stdout.splitlines()[-1])
        name = f"{engine} on {backend}" if backend else engine
        print(f"| {name} | {r['differing_share']:.4%} | {r['logits']:.1e} | {r['variance']:.1e} |")
    print()


def print_masks(segmenter, data: Path) -> None:
    from lodbrain_cli import ScanOptions

    scan = data / "pairs/aomic/AOMIC_T1w.nii.gz"
    raw = segmenter.segment(scan, ScanOptions(postprocess=False)).labels
    clean = segmenter.segment(scan).labels
    published = labels_of(data / "pairs/aomic/AOMIC_pred.nii.gz")
    freesurfer = labels_of(data / "pairs/aomic/AOMIC_GT.nii.gz")
    exact = labels_of(data / "reference/AOMIC_lod-brain_labels_postprocessed.nii.gz")
    share = np.count_nonzero(clean != exact) / np.count_nonzero(exact)
    print(f"Post-processed labels that differ from the exact reference: {share:.4%}\n")
    print("| Dice on AOMIC | GM | BG | WM | ventricles | cerebellum | brainstem | mean |")
    print("|---|---|---|---|---|---|---|---|")
    for name, ours, theirs in (
        ("raw, with the authors' published mask", raw, published),
        ("raw, with FreeSurfer", raw, freesurfer),
        ("post-processed, with FreeSurfer", clean, freesurfer),
    ):
        scores = dice_scores(ours, theirs, 7)
        cells = " | ".join(f"{s:.3f}" for s in (*scores, np.mean(scores)))
        print(f"| {name} | {cells} |")
    print()


def print_freesurfer(segmenter, data: Path) -> None:
    result = segmenter.segment(data / "heads/fnndsc_10yr06mo_T1w.nii.gz")
    lines = (data / "heads/fnndsc_10yr06mo_aseg.stats").read_text().splitlines()
    rows = [line.split() for line in lines if line and line[0] != "#"]
    theirs = {int(row[1]): float(row[3]) for row in rows}
    ours = {v.index: v.volume_mm3 for v in result.volumes}
    print("| fnndsc_10yr06mo | lodbrain mm³ | FreeSurfer 5.3 mm³ | difference |")
    print("|---|---|---|---|")
    for name, (label, ids) in ASEG.items():
        expected = sum(theirs.get(i, 0.0) for i in ids)
        print(
            f"| {name} | {ours[label]:.0f} | {expected:.0f} | {ours[label] / expected - 1:+.1%} |"
        )


def labels_of(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj).astype("uint8")


if __name__ == "__main__":
    main()
