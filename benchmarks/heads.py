"""Segment every scan of a folder, draw it, and print a table of volumes.

``python benchmarks/heads.py SCANS OUT [--weights WEIGHTS]`` (needs the extra ``plots``)
"""

import argparse
from pathlib import Path

from lodbrain_cli import Segmenter
from picture import draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    segmenter = Segmenter(weights=options.weights, device="cpu")
    print("| scan | GM ml | BG ml | WM ml | ventricles ml | cerebellum ml | brainstem ml | said |")
    print("|---|---|---|---|---|---|---|---|")
    for scan in sorted(options.scans.glob("*.nii.gz")):
        result = segmenter.segment(scan)
        name = scan.name.removesuffix(".nii.gz")
        labels = options.out / f"{name}_dseg.nii.gz"
        result.save(labels, overwrite=True)
        draw(scan, labels, options.out / f"{name}.png")
        cells = " | ".join(f"{v.volume_mm3 / 1000:.1f}" for v in result.volumes)
        print(f"| {name} | {cells} | {'; '.join(result.record['warnings'])} |", flush=True)


if __name__ == "__main__":
    main()
