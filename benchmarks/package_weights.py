"""Take the weights of a training run into the checkout, as those of a preset.

``python benchmarks/package_weights.py RUN STAGE [--finder STAGE | --no-finder] [--name NAME]``

Copies the best weights of STAGE and of the stage that finds the brain (default: the run's first;
none with --no-finder), the state, the history and the split to weights/NAME (lod-brain-synth),
enters the weights into weights/SHA256SUMS and prints what belongs into ``presets/table.py``.
"""

import argparse
import hashlib
import shutil
from pathlib import Path

from lodbrain_cli.training.config import read_config

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("stage")
    parser.add_argument("--finder")
    parser.add_argument("--no-finder", action="store_true")
    parser.add_argument("--name", default="lod-brain-synth")
    options = parser.parse_args()
    finder = options.finder or read_config(options.run / "config.yaml").stages[0].name
    chosen = [(options.stage, options.name), (finder, f"{options.name}-coarse")]
    folder = WEIGHTS / options.name
    lines = []
    for stage, name in chosen[:1] if options.no_finder else chosen:
        target = folder / f"{name}.h5"
        shutil.copyfile(options.run / f"{stage}.h5", target)
        content = target.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        lines.append(f"{digest}  {options.name}/{target.name}")
        print(f'name="{target.name}",\nsha256="{digest}",\nnum_bytes={len(content):_},')
    for name in ("state.h5", "history.csv", "split.tsv"):
        shutil.copyfile(options.run / name, folder / name)
    sums = WEIGHTS / "SHA256SUMS"
    others = [x for x in sums.read_text().splitlines() if f"  {options.name}/" not in x]
    sums.write_text("\n".join([*others, *lines]) + "\n")


if __name__ == "__main__":
    main()
