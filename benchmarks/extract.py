"""Score the masks of `lodbrain extract` on labelled scans.

``python benchmarks/extract.py DATA [--preset lod-brain-synth ...] [--every 1]``

DATA is the folder of scans (pairs/ and heads/). The reference is the union of the structures in
the reference labels, on their own grid; IXI's follows DLMUSE, AOMIC's FreeSurfer. A preset may
be the folder of a run. Prints a table: Dice, volume against the reference's, seconds of a scan, and
what becomes of the fruit; then what a network of 2 mm could reach at best: AOMIC's own reference,
taken to 2 mm and back.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

from accuracy import labelled_scans
from lodbrain_cli.imaging.label_image import read_labels
from lodbrain_cli.inference.devices import allowed_threads
from lodbrain_cli.labels import get_label_map
from lodbrain_cli.presets import BRAIN_EXTRACTION
from lodbrain_cli.segmentation.extraction import extract_brain
from lodbrain_cli.segmentation.loading import load_network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--preset", nargs="+", default=[BRAIN_EXTRACTION])
    parser.add_argument("--every", type=int, default=1, help="take every so manieth IXI scan")
    options = parser.parse_args()
    aomic, *ixi = labelled_scans(options.data / "pairs")
    print(f"{allowed_threads()} threads\n")
    print("| preset | AOMIC | IXI, mean ± sd | lowest | volume, IXI | s a scan | fruit |")
    print("|---|---|---|---|---|---|---|")
    for preset in options.preset:
        loaded = load_network(preset, "fine", device="cpu")
        one, *others = [score(loaded, scan) for scan in (aomic, *ixi[:: options.every])]
        dice, volume, seconds = np.array(others).T
        fruit = extract_brain(loaded, options.data / "heads" / "fruit_GE_IRSPGR.nii.gz")
        said = "nothing, exit code 4" if fruit.doubts else f"{fruit.record['brain_ml']:.0f} ml"
        spread = f"{dice.mean():.3f} ± {dice.std(ddof=1):.3f} | {dice.min():.3f}"
        row = f"{one[0]:.3f} | {spread} | {volume.mean():.2f} | {np.median(seconds):.1f} | {said}"
        print(f"| `{Path(preset).name}` | {row} |")
    mask = reference_of(aomic)
    print(f"\nAOMIC's reference at 2 mm, as shares of a voxel: {halved_and_back(mask):.3f}", end="")
    print(f", as one or none: {halved_and_back(mask, whole=True):.3f}")


def reference_of(scan) -> np.ndarray:
    """Union of the structures, on the reference's grid."""
    return read_labels(scan.labels, get_label_map(scan.label_map)).labels > 0


def halved_and_back(mask: np.ndarray, *, whole: bool = False) -> float:
    """Dice of a mask with itself after voxels of twice the side, interpolated linearly."""
    mask = mask[tuple(slice(0, n // 2 * 2) for n in mask.shape)]
    x, y, z = (n // 2 for n in mask.shape)
    shares = mask.reshape(x, 2, y, 2, z, 2).mean(axis=(1, 3, 5), dtype=np.float32)
    halved = (shares > 0.5).astype(np.float32) if whole else shares
    back = ndimage.zoom(halved, 2, order=1, mode="nearest", grid_mode=True) > 0.5
    return 2 * float((back & mask).sum()) / float(back.sum() + mask.sum())


def score(loaded, scan) -> tuple[float, float, float]:
    """Dice, volume over the reference's, and seconds."""
    reference = reference_of(scan)
    started = time.perf_counter()
    mask = extract_brain(loaded, scan.image).mask
    seconds = time.perf_counter() - started
    both = float((mask & reference).sum())
    sizes = float(mask.sum()), float(reference.sum())
    return 2 * both / sum(sizes), sizes[0] / sizes[1], seconds


if __name__ == "__main__":
    main()
