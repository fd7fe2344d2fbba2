"""Time how long ``lodbrain bids`` takes to find what is to be done in large BIDS datasets.

``python benchmarks/bids.py``: files are empty, in two sessions per participant; nothing is
computed. CPU seconds stand in brackets.
"""

import argparse
import json
import tempfile
from pathlib import Path

from cluster import lodbrain

PARTICIPANTS = (1_000, 10_000)
SESSIONS = ("pre", "post")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    print("| participants | scans | all of them | one participant | group level, nothing done |")
    print("|---|---|---|---|---|")
    for count in PARTICIPANTS:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            raw, out = Path(folder) / "raw", Path(folder) / "out"
            simulate(raw, count)
            every, told = lodbrain("bids", raw, out, "participant", "--dry-run")
            assert told.startswith(f"{count * len(SESSIONS)} scans"), told
            one, told = lodbrain(
                "bids", raw, out, "participant", "--dry-run", "--participant-label", "00007"
            )
            assert told.startswith(f"{len(SESSIONS)} scans"), told
            simulate_failure(out)
            group, told = lodbrain("bids", raw, out, "group")
            assert f"{count - 1} participants with neither" in told, told
            print(f"| {count:,} | {count * len(SESSIONS):,} | {every} s | {one} s | {group} s |")


def simulate(raw: Path, count: int) -> None:
    raw.mkdir()
    about = {"Name": "simulated", "BIDSVersion": "1.10.0"}
    (raw / "dataset_description.json").write_text(json.dumps(about))
    for number in range(count):
        for session in SESSIONS:
            anat = raw / f"sub-{number:05d}/ses-{session}/anat"
            anat.mkdir(parents=True)
            (anat / f"sub-{number:05d}_ses-{session}_T1w.nii.gz").touch()


def simulate_failure(out: Path) -> None:
    out.mkdir()
    record = {"error": {"class": "InputError"}, "input": {"path": "x"}, "ended": "2026"}
    (out / "sub-00001_seg-lodbrain_dseg_failed.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
