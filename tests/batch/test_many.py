"""Two hundred scans through one process: neither memory nor file handles grow."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from lodbrain_cli.batch.plan import make_plan, write_plan
from lodbrain_cli.batch.settings import Settings

from ..phantoms import phantom


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="file handles are not told here")
def test_two_hundred_scans_leave_no_trace_in_the_process(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(200):
        name = f"s{number:03}_T1w.nii.gz"
        if number % 10 == 7:  # failures must not keep anything either
            (tmp_path / "in" / name).write_bytes(b"damaged")
        else:
            phantom(tmp_path / "in", name, voxel_mm=(4.0, 4.4, 5.0), shape=(40, 44, 36))
    plan = make_plan(tmp_path / "in", tmp_path / "out", Settings.of("lod-brain", "fine", None))
    write_plan(tmp_path / "plan.tsv", plan)
    seen = worked_through(tmp_path)
    early, late = median(seen["memory"][40:60]), median(seen["memory"][180:])
    assert late < early * 1.03, f"{early / 1e6:.0f} MB at scan 50, {late / 1e6:.0f} MB at 200"
    # While it runs, one more is open where a result is written just then; at the end, none.
    assert median(seen["files"][180:]) <= median(seen["files"][40:60])
    assert seen["after"] == seen["before"]
    assert len(list((tmp_path / "out").glob("*_run.json"))) == 180
    assert len(list((tmp_path / "out").glob("*_failed.json"))) == 20


def worked_through(folder):
    done = subprocess.run(
        [sys.executable, "-m", "tests.batch.many_check", folder],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
