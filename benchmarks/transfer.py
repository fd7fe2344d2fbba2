"""Teach a network of the whole brain one structure of it, from ten labelled scans.

``python benchmarks/transfer.py DATA OUT [--from brain-extraction] [--train 10] [--test 8]``
(extra ``train``)

DATA is the folder of scans (pairs/). The first IXI scans are trained on, the next one is validated
on, others are scored, each on its own label grid: the hippocampi by DLMUSE. Labels of a part of
the brain do not say where its box is; the packaged coarse network does. A killed run goes on.
Prints the table of docs/accuracy.md.
"""

import argparse
from pathlib import Path

import numpy as np

from accuracy import labelled_scans
from finetune import new_scores, tune, write_tables
from lodbrain_cli import Segmenter
from lodbrain_cli.inference.devices import allowed_threads

CLASSES = (("Background", "*"), ("Hippocampus", "47 48"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="source", default="brain-extraction")
    parser.add_argument("--train", type=int, default=10)
    parser.add_argument("--test", type=int, default=8)
    parser.add_argument("--warmup-epochs", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=5e-4)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    _, *scans = labelled_scans(options.data / "pairs")
    few = scans[: options.train + 1]
    spread = np.linspace(options.train + 1, len(scans) - 1, options.test).round().astype(int)
    table, classes = write_tables(options.out, few, CLASSES)
    minutes = tune(options, table, classes)
    segmenter = Segmenter(str(options.out / "run"), device="cpu")
    dice = np.array([new_scores(segmenter, scans[i], classes)[0] for i in spread])
    name = CLASSES[1][0]
    print(f"| from | scans | steps' minutes, {allowed_threads()} threads | {name}, Dice | lowest |")
    print("|---|---|---|---|---|")
    print(
        f"| `{options.source}` | {options.train} | {minutes:.0f} "
        f"| {dice.mean():.3f} ± {dice.std():.3f} | {dice.min():.3f} |"
    )


if __name__ == "__main__":
    main()
