"""Compare labels of the brain's region with those of the whole volume, on every scan.

``python benchmarks/only_brain.py DATA WEIGHTS``

DATA is the folder of scans (pairs/, heads/), WEIGHTS the released weights_lv1.h5. For each
scan: the share of the volume whose fine level was computed, the voxels whose label after
cleaning differs from that of the whole volume as a share of the brain, and how far the
group moments are apart. Prints the table of docs/accuracy.md.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from lodbrain_cli.errors import InputError
from lodbrain_cli.imaging.conform import to_conformed
from lodbrain_cli.imaging.intensity import z_score
from lodbrain_cli.imaging.nifti import read_t1w
from lodbrain_cli.inference.engines import start_engine
from lodbrain_cli.postprocessing import clean_probabilities, label_volume
from lodbrain_cli.presets import get_preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    options = parser.parse_args()
    preset = get_preset("lod-brain")
    threads = len(os.sched_getaffinity(0))
    engine = start_engine(
        preset.level("fine"), options.weights, engine="openvino", device="cpu", threads=threads
    )
    labels = preset.label_set
    print("| scan | volume computed | labels that differ | seconds | whole volume, seconds |")
    print("|---|---|---|---|---|")
    rows = []
    for path in scans(options.data):
        try:
            scan = read_t1w(path)
        except InputError as error:
            print(f"| {path.name} | refused: {error} | | | |")
            continue
        image = z_score(to_conformed(scan.data, scan.affine)[0])
        near = engine.predict(image, only_brain=True)
        whole = engine.predict(image)
        ours, reference = (
            label_volume(clean_probabilities(p.maps, labels)[0]) for p in (near, whole)
        )
        differing = np.count_nonzero(ours != reference) / max(1, np.count_nonzero(reference))
        seconds = [sum(p.seconds.values()) for p in (near, whole)]
        rows.append((near.computed, differing, *seconds))
        name = path.name.removesuffix(".gz").removesuffix(".nii")
        print(
            f"| {name} | {near.computed:.0%} | {differing:.4%} "
            f"| {seconds[0]:.1f} | {seconds[1]:.1f} |",
            flush=True,
        )
    computed, differing, near_s, whole_s = np.array(rows).T
    print(
        f"\n{len(rows)} scans: {np.median(computed):.0%} of the volume (median), labels that "
        f"differ {differing.max():.4%} at most, time 1/{np.median(whole_s / near_s):.1f} (median)"
    )


def scans(data: Path) -> list[Path]:
    found = [*sorted(data.glob("pairs/*/*T1*.nii.gz")), *sorted(data.glob("heads/*.nii.gz"))]
    return [path for path in found if "DLMUSE" not in path.name]


if __name__ == "__main__":
    main()
