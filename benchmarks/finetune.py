"""Fine-tune a preset on a few scans to new classes; score the new and the old ones on others.

``python benchmarks/finetune.py DATA OUT [--from lod-brain-synth] [--train 3] [--test 8]``
(extra ``train``)

DATA is the folder of scans (pairs/). The first IXI scans with their labels of DLMUSE are
trained on, the next one is validated on, and others, spread over the rest, are scored, each on its
own label grid: hippocampus and amygdala apart from the cortex, which the preset has as one
class. AOMIC, with the new classes put together again, shows what was forgotten. A killed run goes
on. Prints the tables of docs/accuracy.md.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from accuracy import LabelledScan, labelled_scans
from lodbrain_cli import Segmenter
from lodbrain_cli.evaluation.scoring import score_labels
from lodbrain_cli.imaging.label_image import LabelImage, read_labels, to_grid_of
from lodbrain_cli.inference.devices import allowed_threads
from lodbrain_cli.labels import get_label_map, get_label_set, read_classes

OLD = get_label_set("lod-brain-7")
#: Name and numbers of DLMUSE (MUSE) of each new class.
CLASSES = (
    ("Background", "*"),
    ("Cortex", "100-207 75 76"),
    ("Basal ganglia", "23 30 36 37 55-62"),
    ("Cerebral white matter", "44 45 81-95"),
    ("Ventricles", "4 11 49-52"),
    ("Cerebellum", "38-41 71-73"),
    ("Brainstem", "35"),
    ("Hippocampus", "47 48"),
    ("Amygdala", "31 32"),
)
#: The old class that each new one is part of.
OLD_OF = np.array([0, 1, 2, 3, 4, 5, 6, 1, 1], np.uint8)


def main() -> None:
    options = asked_for(__doc__, source="lod-brain-synth", train=3, epochs=14)
    aomic, few, tested = scans_of(options)
    table, classes = write_tables(options.out, few, CLASSES)
    before = Segmenter(options.source, device="cpu")
    old = [old_scores(before, scan) for scan in (aomic, *tested)]
    minutes = tune(options, table, classes)
    after = Segmenter(str(options.out / "run"), device="cpu")
    forgotten = [old_scores(after, scan, OLD_OF) for scan in (aomic, *tested)]
    new = [new_scores(after, scan, classes) for scan in tested]
    report(options, minutes, old, forgotten, new)


def asked_for(text: str, *, source: str, train: int, epochs: int) -> argparse.Namespace:
    """Options of a benchmark that fine-tunes; what differs between such is its default."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="source", default=source)
    parser.add_argument("--train", type=int, default=train)
    parser.add_argument("--test", type=int, default=8)
    parser.add_argument("--warmup-epochs", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--rate", type=float, default=5e-4)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def scans_of(
    options: argparse.Namespace,
) -> tuple[LabelledScan, list[LabelledScan], list[LabelledScan]]:
    """AOMIC; IXI scans to learn from, with one to validate on; and others, spread out."""
    aomic, *scans = labelled_scans(options.data / "pairs")
    first = options.train + 1
    spread = np.linspace(first, len(scans) - 1, options.test).round().astype(int)
    return aomic, scans[:first], [scans[i] for i in spread]


def write_tables(
    out: Path, few: list[LabelledScan], classes: tuple[tuple[str, str], ...]
) -> tuple[Path, Path]:
    """Pairs, the last one to validate on, and classes, as `lodbrain finetune` reads them."""
    rows = ["subject\timage\tlabels\tlabel_map\tset"]
    for place, scan in enumerate(few):
        side = "validation" if place == len(few) - 1 else "train"
        rows.append(f"{scan.name}\t{scan.image}\t{scan.labels}\tmuse\t{side}")
    (out / "pairs.tsv").write_text("\n".join(rows) + "\n")
    lines = [f"{i}\t{name}\t{numbers}" for i, (name, numbers) in enumerate(classes)]
    (out / "classes.tsv").write_text("\n".join(["index\tname\tnumbers", *lines]) + "\n")
    return out / "pairs.tsv", out / "classes.tsv"


def tune(options: argparse.Namespace, table: Path, classes: Path) -> float:
    """Fine-tune, or go on; gives the minutes that it took in all."""
    from lodbrain_cli.inference.keras_backend import start_keras

    backend = start_keras("cpu", allowed_threads())
    from lodbrain_cli.training.finetune import FinetuneOptions, finetune
    from lodbrain_cli.training.state import read_state

    chosen = FinetuneOptions(
        options.source, str(classes), warmup_epochs=options.warmup_epochs, epochs=options.epochs,
        rate=options.rate,
    )  # fmt: skip
    run = options.out / "run"
    started = time.perf_counter()
    finetune(table, run, chosen, backend=backend, cache_folder=options.out / "cache")
    print(f"this start: {(time.perf_counter() - started) / 60:.1f} min")
    return read_state(run / "state.h5")[0].seconds / 60


def old_scores(segmenter: Segmenter, scan: LabelledScan, of: np.ndarray | None = None) -> list:
    """Dice of the seven classes, the new ones put together."""
    reference = read_labels(scan.labels, get_label_map(scan.label_map))
    result = segmenter.segment(scan.image)
    labels = result.labels if of is None else of[result.labels]
    found = to_grid_of(LabelImage(labels, result.space.affine, scan.name), reference)
    return [s.dice for s in score_labels(found, reference.labels, reference.affine, OLD)]


def new_scores(segmenter: Segmenter, scan: LabelledScan, classes: Path) -> list:
    """Dice of the new classes."""
    label_set, label_map = read_classes(classes)
    reference = read_labels(scan.labels, label_map)
    result = segmenter.segment(scan.image)
    found = to_grid_of(LabelImage(result.labels, result.space.affine, scan.name), reference)
    return [s.dice for s in score_labels(found, reference.labels, reference.affine, label_set)]


def report(options, minutes: float, old: list, forgotten: list, new: list) -> None:
    how = f"{options.train} scans, {minutes:.0f} min of training, {allowed_threads()} threads"
    print(f"{options.source}, {how}\n")
    print(f"| Dice, mean of {len(new)} IXI scans | {' | '.join(n for n, _ in CLASSES[1:])} |")
    print("|---" * len(CLASSES) + "|")
    print(f"| new classes | {' | '.join(f'{d:.3f}' for d in np.mean(new, axis=0))} |\n")
    names = [label.abbreviation for label in OLD.structures]
    print(f"| old classes | {' | '.join(names)} | mean |")
    print("|---" * (len(names) + 2) + "|")
    for name, rows in (("before", old), ("after", forgotten)):
        for where, part in (("AOMIC", rows[:1]), ("IXI", rows[1:])):
            means = np.mean(part, axis=0)
            cells = " | ".join(f"{d:.3f}" for d in [*means, means.mean()])
            print(f"| {where}, {name} | {cells} |")


if __name__ == "__main__":
    main()
