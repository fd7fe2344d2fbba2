"""How a network that was shown parts is best run: windows weighted or not, or the whole head.

``python benchmarks/windows.py DATA OUT RUN... [--test 3]``

DATA is the folder of scans (pairs/), OUT that of `protocols.py`, RUN names of its runs of
NeuroNet there, such as ``neuronet-all``. Scores each run, on some of the people that
`protocols.py` scores, on windows as it was shown them, half overlapping: their plain mean, and
their mean weighted by the distance from the centre, as lodbrain runs it; on weighted windows at
twice as many places along each axis; and on the whole volume. Prints the table of docs/training.md.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np

from lodbrain_cli.inference import windows as windows_module
from lodbrain_cli.presets import MODEL_FILE
from protocols import PROTOCOLS, people_of, score

# Name, and steps in a window's side; none: the whole volume.
WAYS = (("plain mean", 2), ("weighted", 2), ("weighted, denser", 4), ("whole volume", None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--train", type=int, default=20)
    parser.add_argument("--test", type=int, default=3)
    options = parser.parse_args()
    _, tested = people_of(options.data, options.train, options.test)
    print(f"| foreground Dice, mean of {len(tested)} | {' | '.join(PROTOCOLS)} | s/scan |")
    print("|---" * (len(PROTOCOLS) + 2) + "|")
    for run in options.runs:
        for way, steps in WAYS:
            with run_by(options.out / run, steps) as folder, weighting(way):
                dice, seconds = score(options.out, folder, tested)
            cells = (
                f"{np.nanmean(dice[name], axis=1).mean():.3f}" if name in dice else ""
                for name in PROTOCOLS
            )
            print(f"| {run}: {way} | {' | '.join(cells)} | {seconds:.1f} |", flush=True)


@contextmanager
def run_by(run: Path, steps: int | None) -> Iterator[Path]:
    """Folder with the network of a run, as it would be run; gone afterwards."""
    model = json.loads((run / MODEL_FILE).read_text())
    shape = model["windows"]["shape"]
    stride = [side // (steps or 1) for side in shape]
    model["windows"] = {"shape": shape, "stride": stride} if steps else None
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / MODEL_FILE).write_text(json.dumps(model))
        (folder / model["weights"]["file"]).symlink_to(run.absolute() / model["weights"]["file"])
        yield folder


def weighting(way: str) -> AbstractContextManager:
    """Weights of the voxels of a window: lodbrain's own, or one for all."""
    if way != "plain mean":
        return nullcontext()
    return mock.patch.object(windows_module, "_weights", np.ones)


if __name__ == "__main__":
    main()
