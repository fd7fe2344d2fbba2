"""Run in a process of its own: its memory must not hold what other tests left.

``python -m tests.batch.many_check FOLDER`` works through FOLDER/plan.tsv. Prints one line of JSON:
after each scan the resident bytes and open files, and the open files before and after it all.
"""

import gc
import json
import sys
from pathlib import Path
from types import SimpleNamespace

from lodbrain_cli.batch.claims import Claims
from lodbrain_cli.batch.journal import Journal
from lodbrain_cli.batch.plan import read_plan
from lodbrain_cli.batch.run import run_jobs
from lodbrain_cli.inference.devices import resident_bytes
from lodbrain_cli.inference.prediction import Prediction
from lodbrain_cli.presets import get_preset
from lodbrain_cli.segmentation import LoadedNetwork, Segmenter

from ..cli.conftest import tiny_maps


def main(folder: Path) -> dict[str, object]:
    jobs = read_plan(folder / "plan.tsv")
    before, seen = open_files(), []
    with Journal() as journal, Claims() as claims:
        for outcome in run_jobs(quick_segmenter, jobs, claims=claims, journal=journal):
            assert outcome.left == ""
            del outcome
            seen.append((resident_bytes(), open_files()))
    gc.collect()
    memory, files = zip(*seen, strict=True)
    return {"before": before, "after": open_files(), "memory": memory, "files": files}


def quick_segmenter() -> Segmenter:
    preset = get_preset("lod-brain")
    weights = SimpleNamespace(
        path=Path("w.h5"), sha256=preset.weights.sha256, origin="cache", released=True
    )
    engine = SimpleNamespace(
        predict=lambda image, **_: Prediction(tiny_maps(image)), name="", device="cpu", threads=1
    )
    return Segmenter.of(LoadedNetwork(preset, "fine", preset.level("fine"), engine, weights))


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
