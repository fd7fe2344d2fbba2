"""Score every preset on every labelled scan, and on scans made worse step by step.

``python benchmarks/accuracy.py DATA OUT [--run RUN] [--brief] [--images DIR]`` (extra ``plots``)

DATA is the folder of scans (pairs/). Presets find their weights as `lodbrain segment` does
(LODBRAIN_WEIGHTS names folders). RUN is the folder of a training run, with its model.json: its
network is scored instead of the presets. With --brief the scans are scored as they
are, and nothing is drawn. Every result is a line of
OUT/accuracy.jsonl, so that a killed benchmark goes on where it was; the plots go to OUT, or
to --images. Prints the tables of docs/accuracy.md.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from accuracy_tables import report
from corruptions import CORRUPTIONS
from lodbrain_cli import Segmenter
from lodbrain_cli.evaluation.scoring import ClassScore, score_labels
from lodbrain_cli.imaging.conform import conform_labels, to_conformed
from lodbrain_cli.imaging.label_image import LabelImage, read_labels, to_grid_of
from lodbrain_cli.imaging.nifti import read_t1w
from lodbrain_cli.labels import get_label_map, get_label_set
from lodbrain_cli.presets import PRESETS

LABELS = get_label_set("lod-brain-7")


@dataclass(frozen=True)
class LabelledScan:
    """A scan with reference labels on its grid, in the numbers of a protocol."""

    name: str
    image: Path
    labels: Path
    label_map: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    images = options.images or options.out
    table = Results(options.out / "accuracy.jsonl")
    scans = list(labelled_scans(options.data / "pairs"))
    makers = {
        name: lambda name=name: Segmenter(name, device="cpu")
        for name in PRESETS
        if PRESETS[name].label_set == LABELS
    }
    if options.run is not None:
        makers = {f"run {options.run.name}": lambda: Segmenter(str(options.run), device="cpu")}
    for network, make in makers.items():
        compute(network, make, scans, table, brief=options.brief)
        report(network, table, options.data, images, brief=options.brief)


class Results:
    """Lines of JSON, one per volume; a line that was cut off by a kill is passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple, tuple[ClassScore, ...]] = {}
        if path.is_file():
            for line in path.read_text().splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue
                self.rows[tuple(row["key"])] = tuple(ClassScore(**s) for s in row["scores"])

    def add(self, key: tuple, scores: tuple[ClassScore, ...], seconds: float) -> None:
        """Keep a volume's scores, in memory and as one more line."""
        self.rows[key] = scores
        row = {"key": key, "seconds": round(seconds, 1), "scores": [asdict(s) for s in scores]}
        with self.path.open("a") as file:
            file.write("\n" * (file.tell() > 0) + json.dumps(row))

    def of(self, *begin: object) -> dict[tuple, tuple[ClassScore, ...]]:
        """Rows whose key begins so: network, what was done to it, scan, level."""
        return {k: v for k, v in self.rows.items() if k[: len(begin)] == begin}


def labelled_scans(pairs: Path) -> Iterator[LabelledScan]:
    aomic = pairs / "aomic"
    yield LabelledScan(
        "AOMIC", aomic / "AOMIC_T1w.nii.gz", aomic / "AOMIC_GT.nii.gz", "lod-brain-7"
    )
    for labels in sorted((pairs / "ixi_2mm").glob("*_T1_DLMUSE.nii.gz")):
        image = labels.with_name(labels.name.replace("_DLMUSE", ""))
        yield LabelledScan(labels.name.split("_")[0], image, labels, "muse")


def compute(
    network: str, make, scans: list[LabelledScan], table: Results, *, brief: bool = False
) -> None:
    """Segment and score what the table does not have yet; the network is loaded when needed."""
    jobs = [(scan, "none", 0) for scan in scans]
    # The curves: AOMIC, and the first and last IXI scan.
    for scan in () if brief else (scans[0], scans[1], scans[-1]):
        jobs += [(scan, "conformed", 0)]
        jobs += [
            (scan, name, level) for name, (_, levels, _) in CORRUPTIONS.items() for level in levels
        ]
    jobs = [job for job in jobs if (network, job[1], job[0].name, job[2]) not in table.rows]
    segmenter = make() if jobs else None
    conformed: dict[str, tuple] = {}
    for scan, kind, level in jobs:
        started = time.perf_counter()
        if kind == "none":
            scores = score_scan(segmenter, scan)
        else:
            if scan.name not in conformed:
                conformed = {scan.name: conform_pair(scan)}
            image, labels, affine = conformed[scan.name]
            if kind != "conformed":
                image, labels = CORRUPTIONS[kind][0](image, labels, level)
            found = segmenter.segment(nib.Nifti1Image(image, affine)).labels
            scores = score_labels(found, labels, affine, LABELS)
        table.add((network, kind, scan.name, level), scores, time.perf_counter() - started)


def score_scan(segmenter: Segmenter, scan: LabelledScan) -> tuple[ClassScore, ...]:
    """Score on the grid of the reference labels, which is that of the scan."""
    reference = read_labels(scan.labels, get_label_map(scan.label_map))
    result = segmenter.segment(scan.image)
    found = LabelImage(result.labels, result.space.affine, scan.name)
    return score_labels(to_grid_of(found, reference), reference.labels, reference.affine, LABELS)


def conform_pair(scan: LabelledScan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image and labels on the conformed grid, where both are made worse alike."""
    image = read_t1w(scan.image)
    reference = read_labels(scan.labels, get_label_map(scan.label_map))
    volume, grid, _ = to_conformed(image.data, image.affine)
    labels = conform_labels(reference.labels.astype(np.float32), reference.affine, grid)
    return volume, labels.astype(np.uint8), grid.affine


if __name__ == "__main__":
    main()
