"""``lodbrain collect``: tables from the records of the scans, and from nothing else."""

import json
from pathlib import Path

import pytest

from .test_run import LABELS, rows, scans

pytestmark = pytest.mark.usefixtures("quick_network")


@pytest.fixture
def results(run, tmp_path):
    """Two subjects done, one damaged, in BIDS places."""
    for name in ("sub-02_ses-b", "sub-01"):
        scans(tmp_path / "in" / name.replace("_", "/"), name)
    (tmp_path / "in/sub-03_T1w.nii.gz").write_bytes(b"damaged")
    run("plan", tmp_path / "in", tmp_path / "out", "-o", tmp_path / "p.tsv")
    run("run", tmp_path / "p.tsv", "--device", "cpu")
    return tmp_path


def test_every_scan_has_its_row_in_one_table_or_the_other(run, results):
    done = run("collect", results / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        str(results / "out/volumes.tsv"),
        str(results / "out/quality.tsv"),
        str(results / "out/failed.tsv"),
        str(results / "out/report.html"),
    ]
    assert done.stderr == "2 scans with results, 1 failed\n"
    volumes = rows(results / "out/volumes.tsv")
    assert [row["output"] for row in volumes] == [
        f"sub-01/sub-01{LABELS}",
        f"sub-02/ses-b/sub-02_ses-b{LABELS}",
    ]
    assert [row["participant_id"] for row in volumes] == ["sub-01", "sub-02"]
    assert [row["session_id"] for row in volumes] == ["n/a", "ses-b"]
    record = json.loads((results / "out/sub-01/sub-01_seg-lodbrain_dseg_run.json").read_text())
    for name, volume in record["volumes_mm3"].items():
        column = name.lower().replace(" ", "_") + "_mm3"
        assert float(volumes[0][column]) == pytest.approx(volume, abs=1e-3)
    assert float(volumes[0]["brainstem_mm3"]) > 0
    (failed,) = rows(results / "out/failed.tsv")
    assert failed["class"] == "InputError"
    assert failed["participant_id"] == "sub-03"
    assert "not a readable NIfTI" in failed["message"]
    assert (results / "out" / failed["log"]).is_file()


def test_verdicts_are_a_table_of_their_own_the_worst_first(run, results):
    run("collect", results / "out")
    assert rows(results / "out/quality.tsv") == []  # none was asked for here
    for subject, score, verdict in (("sub-01", 88.5, "pass"), ("sub-02/ses-b", 3, "fail")):
        (path,) = (results / "out" / subject).glob("*_run.json")
        record = json.loads(path.read_text())
        record["quality"] = {
            "verdict": verdict, "score": score, "reasons": ["one\tand", "another"],
            "items": {"symmetry": {"mark": score, "text": ""}, "age": {"mark": None}, "x": 3},
        }  # fmt: skip
        path.write_text(json.dumps(record))
    run("collect", results / "out")
    worst, best = rows(results / "out/quality.tsv")
    assert (worst["participant_id"], worst["verdict"], worst["score"]) == ("sub-02", "fail", "3")
    assert (best["participant_id"], best["mark: symmetry"], best["mark: age"]) == (
        "sub-01", "88.5", "n/a",
    )  # fmt: skip
    assert best["reasons"].split("; ")[1] == "another"


def test_collecting_again_gives_the_same_bytes_and_follows_what_changed(run, results):
    run("collect", results / "out", "-o", results / "tables")
    first = (results / "tables/volumes.tsv").read_bytes()
    run("collect", results / "out", "-o", results / "tables")
    assert (results / "tables/volumes.tsv").read_bytes() == first
    scans(results / "in", "sub-03")
    run("run", results / "p.tsv", "--device", "cpu")
    told = json.loads(run("collect", results / "out", "--json").stdout)
    assert (told["done"], told["failed"]) == (3, 0)
    assert rows(results / "out/failed.tsv") == []
    (before,) = rows(results / "tables/failed.tsv")
    assert before["participant_id"] == "sub-03", "other tables are left alone"


def test_a_scan_whose_last_try_failed_is_not_among_the_volumes(run, results):
    (results / "in/sub-01/sub-01_T1w.nii.gz").write_bytes(b"damaged since")
    record = results / "out/sub-01/sub-01_seg-lodbrain_dseg_run.json"
    earlier = json.loads(record.read_text()) | {"ended": "2020-01-01T00:00:00+00:00"}
    record.write_text(json.dumps(earlier))
    run("run", results / "p.tsv", "--device", "cpu")
    run("collect", results / "out")
    assert [row["participant_id"] for row in rows(results / "out/volumes.tsv")] == ["sub-02"]
    assert len(rows(results / "out/failed.tsv")) == 2


def test_records_that_were_meddled_with_are_rows_or_nothing(run, results):
    odd = {"volumes_mm3": {"A": 10**400, "B\t": True, "": "x"}, "outputs": {"labels": "/"}}
    odd |= {"weights": 3, "seconds": [], "warnings": 0, "input": None, "preset": {}}
    (results / "out/odd_run.json").write_text(json.dumps(odd))
    (results / "out/sad_failed.json").write_text('{"error": 3, "log": "/", "ended": []}')
    done = run("collect", results / "out")
    assert done.exit_code == 0, done.output
    assert rows(results / "out/volumes.tsv")[0]["output"] == "odd"
    assert {row["log"] for row in rows(results / "out/failed.tsv")} >= {"n/a"}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"volumes_mm3": 3}', "[" * 100_000, '{"volumes_mm3": {}}', '"x']
)
def test_files_that_are_no_records_do_no_harm(run, results, content):
    (results / "out/other_run.json").write_text(content)
    (results / "out/other_failed.json").write_text(content)
    done = run("collect", results / "out")
    assert done.exit_code == 0, done.output
    assert len(rows(results / "out/volumes.tsv")) == 2 + (content == '{"volumes_mm3": {}}')
    assert len(rows(results / "out/failed.tsv")) == 1


def test_a_folder_without_results_is_refused(run, tmp_path):
    for folder in (tmp_path, tmp_path / "none", Path(__file__)):
        refused = run("collect", folder)
        assert refused.exit_code == 3
        assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "volumes.tsv").exists()
