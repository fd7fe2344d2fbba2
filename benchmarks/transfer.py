"""Teach a network of the whole brain one structure of it, from ten labelled scans.

``python benchmarks/transfer.py DATA OUT [--from brain-extraction] [--train 10] [--test 8]``
(extra ``train``)

DATA is the folder of scans (pairs/). The first IXI scans are trained on, the next one is validated
on, others are scored, each on its own label grid: the hippocampi by DLMUSE. Labels of a part of
the brain do not say where its box is; the packaged coarse network does. A killed run goes on.
Prints the table of docs/accuracy.md.
"""

import numpy as np

from finetune import asked_for, new_scores, scans_of, tune, write_tables
from lodbrain_cli import Segmenter
from lodbrain_cli.inference.devices import allowed_threads

CLASSES = (("Background", "*"), ("Hippocampus", "47 48"))


def main() -> None:
    options = asked_for(__doc__, source="brain-extraction", train=10, epochs=10)
    _, few, tested = scans_of(options)
    table, classes = write_tables(options.out, few, CLASSES)
    minutes = tune(options, table, classes)
    segmenter = Segmenter(str(options.out / "run"), device="cpu")
    dice = np.array([new_scores(segmenter, scan, classes)[0] for scan in tested])
    name = CLASSES[1][0]
    print(f"| from | scans | steps' minutes, {allowed_threads()} threads | {name}, Dice | lowest |")
    print("|---|---|---|---|---|")
    print(
        f"| `{options.source}` | {options.train} | {minutes:.0f} "
        f"| {dice.mean():.3f} ± {dice.std():.3f} | {dice.min():.3f} |"
    )


if __name__ == "__main__":
    main()
