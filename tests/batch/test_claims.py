"""One process at a time works on a scan, and what a dead one claimed is free again."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lodbrain_cli.batch import claims as module
from lodbrain_cli.batch.claims import Claims
from lodbrain_cli.errors import OutputError
from lodbrain_cli.outputs.results import Results

HOLDER = """
import sys, time
from pathlib import Path
from lodbrain_cli.batch.claims import Claims
from lodbrain_cli.files import replacing
from lodbrain_cli.outputs.results import Results
labels = Path(sys.argv[1])
assert Claims().take(Results(labels))
with replacing(labels) as temporary:
    temporary.write_text("half")
    print("claimed", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "sub 1;$(x)\n_dseg.nii.gz")


def claim_files(results):
    return sorted(path.name for path in results.labels.parent.glob(".lodbrain-claim-*"))


def test_a_claim_keeps_others_away_until_it_is_given_up(results):
    with Claims() as one, Claims() as other:
        assert not one.exist(results.labels)
        assert one.take(results)
        assert one.take(results), "it is ours already"
        assert other.exist(results.labels)
        assert not other.is_free(results.labels)
        assert not other.take(results)
        one.release(results.labels)
        assert other.is_free(results.labels)
        assert other.take(results)
        one.release(results.labels)
        assert claim_files(results), "who holds none gives none up"
    assert not claim_files(results), "the end of the context gives up all"


@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_process_leaves_its_scan_to_the_next_and_nothing_half_written(results, reaped):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, results.labels], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "claimed\n"
        with Claims() as claims:
            assert not claims.take(results)
            left = sorted(p.name for p in results.labels.parent.iterdir())
            assert any(name.endswith(".part.nii.gz") for name in left)
            process.send_signal(signal.SIGKILL)
            if reaped:
                process.wait()
            deadline = time.monotonic() + 10
            while not claims.is_free(results.labels):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert claims.take(results)
            assert len(claim_files(results)) == 2
            assert not list(results.labels.parent.glob("*.part*"))
        assert not claim_files(results), "with the own claim goes that of the dead"


def test_of_many_that_find_a_claim_abandoned_one_alone_gets_it(results, monkeypatch):
    monkeypatch.setattr(module, "_machine", lambda: "")
    stale = Claims(stale_seconds=0)
    assert stale.take(results)
    age = time.time() - 1000
    os.utime(results.labels.with_name(claim_files(results)[0]), (age, age))
    many = [Claims(stale_seconds=100) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda claims: claims.take(results), many)) == 1


def test_an_owner_elsewhere_is_alive_as_long_as_it_touches_its_claim(results, monkeypatch):
    monkeypatch.setattr(module, "_machine", lambda: "")  # no process can be looked up
    other = Claims(stale_seconds=0.5)
    with Claims(beat_seconds=0.05) as owner:
        assert owner.take(results)
        time.sleep(1.0)
        assert not other.take(results)
        owner._over.set()  # it stops, as a machine that is switched off
        time.sleep(0.8)
        assert other.take(results)


def test_a_job_that_was_queued_again_knows_its_own_earlier_claim(results, monkeypatch):
    monkeypatch.setattr(module, "_machine", lambda: "")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert Claims().take(results)
    assert not Claims().take(results), "another process of the same try"
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert Claims().take(results)
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    assert not Claims().take(results), "another job"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[1, 2]", b'{"process": "x"}', b'{"machine']
)
def test_a_claim_that_cannot_be_read_counts_by_its_age(results, content):
    claims = Claims()
    assert claims.take(results)
    path = results.labels.with_name(claim_files(results)[0])
    path.write_bytes(content)
    assert not Claims().take(results)
    os.utime(path, (0, 0))
    assert Claims().take(results)


def test_a_process_number_that_was_given_again_is_not_the_owner(results):
    claims = Claims()
    assert claims.take(results)
    path = results.labels.with_name(claim_files(results)[0])
    owner = json.loads(path.read_text())
    assert owner["process"] == os.getpid()
    path.write_text(json.dumps({**owner, "token": "another", "started": owner["started"] + 1}))
    assert Claims().take(results)


def test_where_no_claim_can_be_written_it_is_said(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        Claims().take(Results(Path(tmp_path / "missing" / "s.nii.gz")))


def test_a_claim_on_a_full_disk_is_one_still(results):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Claims() as one, Claims() as other:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # no file may grow
        try:
            assert one.take(results)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert not other.take(results)
        assert one.exist(results.labels)
    assert not claim_files(results)
