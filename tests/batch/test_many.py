"""Two hundred scans through one process: neither memory nor file handles grow."""

import gc
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import pytest

from lodbrain_cli.batch.claims import Claims
from lodbrain_cli.batch.journal import Journal
from lodbrain_cli.batch.plan import make_plan
from lodbrain_cli.batch.run import run_jobs
from lodbrain_cli.batch.settings import Settings
from lodbrain_cli.inference.devices import resident_bytes
from lodbrain_cli.inference.prediction import Prediction
from lodbrain_cli.presets import get_preset
from lodbrain_cli.segmentation import LoadedNetwork, Segmenter

from ..cli.conftest import tiny_maps
from ..phantoms import phantom


def quick_segmenter():
    preset = get_preset("lod-brain")
    weights = SimpleNamespace(
        path=Path("w.h5"), sha256=preset.weights.sha256, origin="cache", released=True
    )
    engine = SimpleNamespace(
        predict=lambda image, **_: Prediction(tiny_maps(image)), name="", device="cpu", threads=1
    )
    return Segmenter.of(LoadedNetwork(preset, "fine", preset.level("fine"), engine, weights))


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
    memory, files = [], []
    with Journal() as journal, Claims() as claims:
        outcomes = run_jobs(
            quick_segmenter, [row.job for row in plan], claims=claims, journal=journal
        )
        for outcome in outcomes:
            assert outcome.left == ""
            del outcome
            memory.append(resident_bytes())
            files.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))
        gc.collect()
    early, late = median(memory[40:60]), median(memory[180:])
    assert late < early * 1.03, f"{early / 1e6:.0f} MB at scan 50, {late / 1e6:.0f} MB at 200"
    # Medians: one more is open where a result happens to be written while they are counted.
    assert median(files[180:]) <= median(files[40:60])
    assert len(list((tmp_path / "out").glob("*_run.json"))) == 180
    assert len(list((tmp_path / "out").glob("*_failed.json"))) == 20
