"""Pictures of results on the command line, and what to cite."""

import json
import re

import pytest
from PIL import Image

from ..phantoms import phantom

pytestmark = pytest.mark.usefixtures("no_network")
PLAIN = ("--no-postprocess", "--device", "cpu")


def segment(run, *arguments):
    return run("segment", *arguments, *PLAIN)


def test_a_report_and_a_snapshot_stand_where_they_were_asked_for(run, tmp_path):
    scan = phantom(tmp_path, "<b>'ü.nii.gz")
    pictures = ("--report", tmp_path / "r.html", "--snapshot", tmp_path / "s.png")
    done = segment(run, scan, "-o", tmp_path / "seg.nii.gz", *pictures)
    assert done.exit_code == 0, done.stderr
    page = (tmp_path / "r.html").read_text()
    assert "&lt;b&gt;&#39;ü.nii.gz</h1>" in page
    record = json.loads((tmp_path / "seg_run.json").read_text())
    for said in (record["input"]["sha256"], record["weights"]["sha256"], "Svanera"):
        assert said in page
    assert record["outputs"]["report"] == str(tmp_path / "r.html")
    assert record["not_written"] == {}
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 400


def test_a_report_that_fails_does_not_take_the_labels_along(run, tmp_path, monkeypatch):
    def fail(*_):
        msg = "out of ink"
        raise ValueError(msg)

    monkeypatch.setattr("lodbrain_cli.outputs.report.page.report_page", fail)
    (tmp_path / "r.html").write_text("of an earlier run")
    scan = phantom(tmp_path)
    wanted = ("--report", tmp_path / "r.html", "--snapshot", tmp_path / "s.png", "--overwrite")
    done = segment(run, scan, "-o", tmp_path / "seg.nii.gz", *wanted)
    assert done.exit_code == 1
    assert "out of ink" in done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "seg.nii.gz")]
    record = json.loads((tmp_path / "seg_run.json").read_text())
    assert record["not_written"] == {"report": "out of ink"}
    assert "report" not in record["outputs"]
    assert (tmp_path / "s.png").is_file()
    assert not (tmp_path / "r.html").exists()
    monkeypatch.undo()


def test_what_cannot_be_made_is_refused_before_any_work(run, tmp_path):
    scan = phantom(tmp_path)
    for wrong, message in (
        (("--report", tmp_path / "r.pdf"), "a report is a .html file"),
        (("--snapshot", tmp_path / "r.jpg"), "a snapshot is a .png"),
        (("--reference", scan), "--reference is shown in the report of one scan"),
        (("--report", tmp_path / "no" / "r.html"), "does not exist"),
    ):
        done = segment(run, scan, "-o", tmp_path / "seg.nii.gz", *wrong)
        assert done.exit_code == 2
        assert message in done.stderr
    report = ("--report", tmp_path / "r.html")
    done = segment(run, scan, "-o", tmp_path / "seg.nii.gz", *report, "--reference", scan)
    assert done.exit_code == 3
    assert "do not lead to the label set" in done.stderr
    assert not (tmp_path / "seg.nii.gz").exists()


def test_a_reference_can_be_switched_to(run, tmp_path):
    scan = phantom(tmp_path)
    assert segment(run, scan, "-o", tmp_path / "other.nii.gz").exit_code == 0
    wanted = ("--report", tmp_path / "r.html", "--reference", tmp_path / "other.nii.gz")
    done = segment(run, scan, "-o", tmp_path / "seg.nii.gz", *wanted)
    assert done.exit_code == 0, done.stderr
    page = (tmp_path / "r.html").read_text()
    assert 'name="viewer-overlay" value="1"> other.nii.gz' in page
    rows = re.findall(r'<th scope="row">Brainstem.*?</tr>', page, re.DOTALL)
    first, second = re.findall(r'class="number">([\d.]+)<', rows[0])
    assert first == second != "0.0"


def test_of_several_scans_each_has_a_report_and_all_have_one(run, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a_T1w.nii.gz", "b #?_T1w.nii.gz"):
        phantom(tmp_path / "in", name)
    out = tmp_path / "out"
    done = segment(run, tmp_path / "in", "-o", out, "--report", out, "--snapshot", out)
    assert done.exit_code == 0, done.stderr
    assert f"all scans: {out / 'report.html'}" in done.stderr
    page = (out / "report.html").read_text()
    links = re.findall(r'<a href="([^"]+)"', page)
    assert re.findall(r'"row"><a [^>]*>([^<]*)', page) == ["a", "b #?"]
    assert sorted(links) == ["a_seg-lodbrain_report.html", "b%20%23%3F_seg-lodbrain_report.html"]
    assert (out / "b #?_seg-lodbrain_report.html").is_file()
    assert (out / "a_seg-lodbrain_dseg.png").is_file()


def test_a_plan_passes_on_reports_and_links_survive_a_move(run, tmp_path):
    (tmp_path / "in").mkdir()
    phantom(tmp_path / "in", "a_T1w.nii.gz")
    out, plan = tmp_path / "out", tmp_path / "plan.tsv"
    also = ("--also", "report", "--also", "snapshot")
    assert run("plan", tmp_path / "in", out, "-o", plan, *also).exit_code == 0
    done = run("run", plan, "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    moved = tmp_path / "moved"
    out.rename(moved)
    assert run("collect", moved, "-o", tmp_path / "tables").exit_code == 0
    page = (tmp_path / "tables" / "report.html").read_text()
    assert 'href="../moved/a_seg-lodbrain_report.html"' in page


def test_a_plan_whose_report_failed_ends_with_1_and_does_it_again(run, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    phantom(tmp_path / "in", "a_T1w.nii.gz")
    plan = tmp_path / "plan.tsv"
    run("plan", tmp_path / "in", tmp_path / "out", "-o", plan, "--also", "report")
    with monkeypatch.context() as patch:
        patch.setattr("lodbrain_cli.outputs.report.page.report_page", None)
        assert run("run", plan, "--device", "cpu").exit_code == 1
    assert not list((tmp_path / "out").glob("*_failed.json"))
    assert "could not be made" in next((tmp_path / "out").glob("*_run.log")).read_text()
    again = run("run", plan, "--device", "cpu")
    assert again.exit_code == 0, again.stderr
    assert "1 done" in again.stderr


def test_collect_without_the_extra_makes_tables_and_says_why_no_page(run, tmp_path, monkeypatch):
    segment(run, phantom(tmp_path), "-o", tmp_path / "seg.nii.gz")
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    done = run("collect", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "pip install 'lodbrain[report]'" in done.stderr
    assert not (tmp_path / "report.html").exists()
    assert (tmp_path / "volumes.tsv").is_file()


def test_a_methods_paragraph_says_what_was_used(run, tmp_path):
    scan = phantom(tmp_path)
    assert segment(run, scan, "-o", tmp_path / "seg.nii.gz").exit_code == 0
    record = json.loads((tmp_path / "seg_run.json").read_text())
    said = run("cite", tmp_path / "seg.nii.gz").stdout
    assert said == run("cite", tmp_path / "seg_run.json").stdout
    for fact in ("lodbrain 0.1.0", "preset lod-brain", record["weights"]["sha256"], "(Svanera"):
        assert fact in said
    assert "smoothed" not in said  # --no-postprocess
    assert "10.1016/j.media.2024.103090" in said
    run("segment", scan, "-o", tmp_path / "b.nii.gz", "--device", "cpu", "--space", "conformed")
    other = run("cite", tmp_path / "b.nii.gz").stdout
    assert "were smoothed" in other
    assert "kept on this grid" in other


def test_only_the_papers_of_the_preset_are_cited(run):
    default = run("cite", "--bibtex").stdout
    assert re.findall(r"@\w+\{([^,]+),", default) == ["svanera2024lodbrain", "lodbrain"]
    assert default.count("{") == default.count("}")
    synth = run("cite", "--bibtex", "--preset", "lod-brain-synth").stdout
    assert "billot2023synthseg" in synth
    facts = json.loads(run("cite", "--json").stdout)
    assert set(facts) == {"methods", "references", "bibtex"}
    assert facts["bibtex"].strip() == default.strip()


def test_a_network_of_ones_own_is_called_so(run, tmp_path):
    record = {"lodbrain": "0.1.0", "preset": "mine", "weights": {"sha256": "ab" * 32}}
    place = tmp_path / "seg_run.json"
    place.write_text(json.dumps({**record, "architecture": "neuronet"}))
    said = run("cite", place).stdout
    assert "a network that lodbrain does not come with" in said
    assert "Rajchl" in said
    assert "Svanera" not in said


@pytest.mark.parametrize("content", [None, "{}", "[]", "nonsense"])
def test_without_a_record_there_is_nothing_to_cite(run, tmp_path, content):
    place = tmp_path / "seg_run.json"
    if content is not None:
        place.write_text(content)
    done = run("cite", place)
    assert done.exit_code == 3
    assert "no run record of lodbrain" in done.stderr
    assert run("cite", place, "--preset", "lod-brain").exit_code == 2


def test_view_refuses_what_is_no_label_image(run, tmp_path):
    done = run("view", tmp_path / "none.nii.gz", "--no-browser")
    assert done.exit_code == 3
    assert "no such file" in done.stderr


def test_one_class_of_the_probabilities_as_a_picture(run, tmp_path):
    scan = phantom(tmp_path)
    maps = tmp_path / "p.nii.gz"
    segment(run, scan, "-o", tmp_path / "seg.nii.gz", "--probabilities", maps)
    target = tmp_path / "ventricles.png"
    done = run("picture", maps, scan, "--frame", 4, "--name", "ventricles", "-o", target)
    assert (done.exit_code, done.stdout.split()) == (0, [str(target)])
    with Image.open(target) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        assert min(picture.size) > 400
    again = run("picture", maps, scan, "--frame", 4, "-o", target)
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    for arguments, message in (
        ((maps, scan), "choose one with --frame"),
        ((tmp_path / "none.nii.gz",), "none.nii.gz"),
    ):
        done = run("picture", *arguments, "-o", tmp_path / "no.png")
        assert done.exit_code == 3
        assert message in done.stderr
        assert not (tmp_path / "no.png").exists()
    assert run("picture", maps, scan, "--frame", 4, "-o", tmp_path / "no.gif").exit_code == 2
