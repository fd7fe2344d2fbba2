"""Score the protocols of one network on labels that DLMUSE gave, structure by structure.

``python benchmarks/structures.py DATA OUT PRESET [--every 1]``

DATA is the folder of scans (pairs/), PRESET one with the label sets `structures` or `tissues`, or
the folder of its run. DLMUSE labels a part of the fluid around the brain, so of
the tissues only grey and white matter are scored. Every scan on its own grid of 2 mm,
by `lodbrain segment`'s own pipeline. OUT keeps a line per scan, so that a killed benchmark goes on
where it was. Prints the table of the model card: Dice, volume against the reference, and the
correlation of the volumes over people, which says whether a study would find who has more.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from accuracy import LabelledScan, labelled_scans
from lodbrain_cli import Segmenter
from lodbrain_cli.evaluation.overlap import count_overlap
from lodbrain_cli.imaging.label_image import LabelImage, read_labels, to_grid_of
from lodbrain_cli.labels import get_label_map, get_label_set

SCORED = {"structures": range(1, 15), "tissues": (2, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("preset")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{Path(options.preset).name}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    known = {row["scan"] for row in rows}
    _, *scans = labelled_scans(options.data / "pairs")
    left = [scan for scan in scans[:: options.every] if scan.name not in known]
    segmenter = Segmenter(options.preset, device="cpu") if left else None
    for scan in left:
        rows.append({"scan": scan.name} | score(segmenter, scan))
        with path.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    report(rows)


def score(segmenter: Segmenter, scan: LabelledScan) -> dict[str, list]:
    """Dice, volume and the reference's volume of each structure of each protocol, in voxels."""
    result = segmenter.segment(scan.image)
    found = {}
    for each in (result, *result.others):
        name = each.label_set.name
        if name not in SCORED:
            continue
        reference = read_labels(scan.labels, get_label_map(f"muse-{name}"))
        image = LabelImage(each.labels, each.space.affine, scan.name)
        labels = to_grid_of(image, reference)
        counts = count_overlap(labels, reference.labels, each.label_set.num_classes)
        volumes = [np.bincount(x.ravel(), minlength=each.label_set.num_classes)[1:].tolist()
                   for x in (labels, reference.labels)]  # fmt: skip
        found[name] = [list(counts.dice), *volumes]
    return found


def report(rows: list[dict]) -> None:
    for name in sorted(SCORED.keys() & rows[0].keys()):
        scored = SCORED[name]
        values = np.array([row[name] for row in rows], float)  # (people, 3, structures)
        print(f"\n| `{name}`, {len(rows)} IXI heads | Dice, mean ± SD | lowest | volume, % | r |")
        print("|---|---|---|---|---|")
        columns = [index - 1 for index in scored]
        for column in columns:
            dice, found, reference = values[:, :, column].T
            percent = 100 * (found / reference - 1)
            r = np.corrcoef(found, reference)[0, 1]
            label = get_label_set(name).structures[column].name
            print(
                f"| {label} | {dice.mean():.3f} ± {dice.std():.3f} | {dice.min():.3f} | "
                f"{percent.mean():+.1f} ± {percent.std():.1f} | {r:.2f} |"
            )
        means = values[:, 0][:, columns].mean(axis=1)
        print(f"| mean | {means.mean():.3f} ± {means.std():.3f} | {means.min():.3f} | | |")


if __name__ == "__main__":
    main()
