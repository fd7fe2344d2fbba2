"""What pictures of a result cost: seconds beyond the segmentation, and bytes.

``python benchmarks/report.py T1.nii.gz ... [--weights FOLDER] [--pictures FOLDER]`` (needs the
extra ``report``). The page is made twice: in a process that makes its first, and in one that
has made others, as in a batch.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from lodbrain_cli import Segmenter
from lodbrain_cli.outputs.pictures import display_of
from lodbrain_cli.outputs.report.page import write_report
from lodbrain_cli.outputs.segmented import Segmentation
from lodbrain_cli.outputs.snapshot import write_snapshot


def timed(action) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def row(result: Segmentation, folder: Path) -> str:
    """Markdown of one scan; its pictures stay in the folder."""
    name = result.scan.path.name.split(".")[0]
    page, picture = folder / f"{name}.html", folder / f"{name}.png"
    snapshot = timed(lambda: write_snapshot(picture, display_of(result)))
    reports = [
        timed(lambda: write_report(page, display_of(result), result.record)) for _ in range(2)
    ]
    shape = " × ".join(str(n) for n in result.labels.shape)
    sizes = [path.stat().st_size / 1e6 for path in (picture, page)]
    seconds = " | ".join(f"{v:.1f}" for v in (snapshot, *reports))
    return f"| {name} | {shape} | {seconds} | {sizes[0]:.1f} | {sizes[1]:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--pictures", type=Path, help="Folder to keep them in.")
    options = parser.parse_args()
    segmenter = Segmenter(weights=options.weights)
    print("| scan | voxels | snapshot, s | report, s | again, s | PNG, MB | page, MB |")
    print("|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as temporary:
        folder = options.pictures or Path(temporary)
        for scan in options.scans:
            print(row(segmenter.segment(scan), folder), flush=True)


if __name__ == "__main__":
    main()
