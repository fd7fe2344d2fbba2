"""The page as a file: everything inside, nothing from outside, hostile text as text."""

import base64
import gzip
import html
import json
import re

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.errors import InputError, UsageError
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.outputs.display import Display, Overlay, make_display
from lodbrain_cli.outputs.report import document, viewer
from lodbrain_cli.outputs.report.group import (
    OUTLIER,
    ScanSummary,
    group_page,
    modified_z_scores,
)
from lodbrain_cli.outputs.report.page import check_report, report_page
from lodbrain_cli.outputs.report.reference import LabelSource
from lodbrain_cli.outputs.report.sections import judgement_of, volume_rows
from lodbrain_cli.quality import Item, Quality

from ..phantoms import GRIDS, rotation
from .heads import phantom_display, phantom_files

HOSTILE = "\"><script>alert(1)</script></script><!-- ü 中 '&' \udcff.nii.gz"
RECORD = {
    "lodbrain": "0.1.0",
    "preset": HOSTILE,
    "weights": {"sha256": "0" * 64, "file": HOSTILE},
    "checks": {"noise": "warn", "head": "ok", HOSTILE: "refuse"},
    "quality": {
        "verdict": "fail",
        "score": 24.6,
        "reasons": [HOSTILE],
        "items": {HOSTILE: {"mark": 24.6, "text": HOSTILE}, "b": {"mark": None}, "c": 3},
    },
    "warnings": [HOSTILE],
    "command": ["lodbrain", "segment", HOSTILE],
    "seconds": {"read": 0.5, HOSTILE: 1.5},
    "input": {"path": HOSTILE, "sha256": "1" * 64, "shape": [1, 2, 3]},
}


def scripts(page: str) -> list[tuple[str, str]]:
    """Attributes and text of the script elements, as a browser parts them."""
    return re.findall(r"<script([^>]*)>(.*?)</script", page, re.DOTALL | re.IGNORECASE)


def images(page: bytes) -> list[nib.Nifti1Image]:
    found = re.findall(rb'<script type="text/plain" id="image-\d+">(.*?)</script>', page, re.DOTALL)
    return [nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(x))) for x in found]


def test_hostile_names_are_text():
    page = report_page(phantom_display(name=HOSTILE, others=(HOSTILE,)), RECORD)
    text = page.decode("utf-8")
    assert "alert(1)" in text
    code = [body for attributes, body in scripts(text) if not attributes.strip()]
    assert len(code) == 1  # ours
    assert "alert" not in code[0]
    assert "<!--" not in text.replace("<!DOCTYPE", "")
    (facts,) = [body for attributes, body in scripts(text) if "viewer-facts" in attributes]
    assert json.loads(facts)["overlays"][1]["name"] == HOSTILE
    assert HOSTILE.replace("\udcff", "\\udcff") in html.unescape(text)


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_no_text_makes_an_element(text):
    page = group_page([ScanSummary(text, {text: 1.0}, text, (text,))], None)  # type: ignore[arg-type]
    plain = group_page([ScanSummary("x", {"x": 1.0}, "x", ("x",))], None)  # type: ignore[arg-type]
    assert page.count(b"<") == plain.count(b"<")


def test_the_policy_lets_nothing_in_but_the_page_itself():
    page = report_page(phantom_display(), {}).decode()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    assert rules["default-src"] == ["'none'"]
    assert rules["connect-src"] == ["data:", "blob:"]
    assert not any("http" in rule or "*" in rule or "unsafe" in rule for rule in policy.split())
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page.split('<script type="app')[0])
    (code,) = [body for attributes, body in scripts(page) if not attributes.strip()]
    assert document._hash(code) in " ".join(rules["script-src"])
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert document._hash(style) in " ".join(rules["style-src"])
    assert "style=" not in page.split('<script type="app')[0].split("</style>")[1]


def test_a_page_says_what_the_record_says_and_how_to_read_the_pictures():
    page = html.unescape(report_page(phantom_display(), RECORD).decode())
    for said in ("Result: fail, score 25 of 100", "Scan: refuse", "0" * 64, "1" * 64, "1.50 s"):
        assert said in page
    assert "Neurological: the left side of the picture is the left side of the head" in page
    bare = report_page(phantom_display(), {}).decode()
    assert "What was run" not in bare
    assert "For a paper" not in bare
    assert "Result:" not in bare


def test_verdicts_are_read_from_records_of_any_content():
    assert judgement_of({}, "checks") is None
    assert judgement_of({"quality": "good"}, "quality") is None
    found = judgement_of({"checks": {"a": "ok", "b": "warn"}, "warnings": ["b"]}, "checks")
    assert found.verdict == "warn"
    assert found.items[0] == ("b", "warn")
    assert judgement_of({"checks": {"a": "unknown", "b": "ok"}}, "checks").verdict == "ok"
    quality = judgement_of({"quality": {"verdict": "good"}}, "quality")
    assert (quality.verdict, quality.score, quality.reasons) == ("good", None, ())


def test_what_the_verdict_warned_of_is_not_told_of_the_scan_again():
    record = {
        "checks": {"noise": "warn"},
        "quality": {"verdict": "fail", "reasons": ["blurred borders", "small brain"]},
        "warnings": ["the result is not to be trusted (score 0 of 100): blurred borders", "noisy"],
    }
    assert judgement_of(record, "checks").reasons == ("noisy",)
    assert judgement_of({**record, "quality": {"reasons": "damaged"}}, "checks").reasons == tuple(
        record["warnings"]
    )


def test_the_quality_of_a_result_is_shown_item_by_item_the_worst_first():
    items = (Item("size", 90.0, "as usual"), Item("sides", 20.0, "unlike"), Item("x", None, "?"))
    found = judgement_of({"quality": Quality(items).as_dict()}, "quality")
    assert (found.verdict, found.score) == (Quality(items).trust, 20.0)
    assert [mark[:2] for mark in found.marks] == [("sides", "20"), ("size", "90"), ("x", "n/a")]
    page = report_page(phantom_display(), {"quality": Quality(items).as_dict()}).decode()
    assert re.search(r"sides</th><td[^>]*>20</td><td>unlike", page)


@pytest.mark.parametrize("grid", [*GRIDS, "oblique"])
def test_the_images_inside_are_those_of_the_scan_in_the_world(grid):
    directions = GRIDS.get(grid, rotation((14, -9, 18)) @ GRIDS["LPS"])
    display = phantom_display(directions, others=("other",))
    scan, *overlays = images(report_page(display, {}))
    np.testing.assert_allclose(scan.affine, display.affine, atol=1e-4)
    assert scan.get_data_dtype() == np.uint8
    step = (display.intensity[1] - display.intensity[0]) / 255
    assert scan.get_fdata().max() == pytest.approx(display.intensity[1], abs=step)
    for overlay, shown in zip(overlays, display.overlays, strict=True):
        np.testing.assert_array_equal(np.asarray(overlay.dataobj), shown.labels)
        assert overlay.header["intent_code"] == 1002


def test_a_large_noisy_scan_is_halved_and_says_so(rng):
    shape = (221, 240, 241)
    image = rng.integers(0, 256, shape, np.uint8)
    labels = np.zeros(shape, np.uint8)
    labels[100:130, 100:140, 100:120] = 6
    affine = np.diag([1.0, 1, 1, 1])
    overlay = Overlay("x", labels, get_label_set("lod-brain-7"))
    display = Display("x", image, (overlay,), affine, (0.0, 255.0), (0.0, 255.0))
    facts, packed = viewer.images_of(display)
    assert facts["reduced"]
    assert sum(map(len, packed)) < 6_000_000
    seg = nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(packed[1])))
    assert abs(nib.affines.voxel_sizes(seg.affine) - 2).max() < 1e-6
    assert (np.asarray(seg.dataobj) == 6).sum() == 15 * 20 * 10


def test_volumes_are_counted_on_the_grid_of_the_scan():
    display = phantom_display(others=("other",))
    rows = {row.name: row for row in volume_rows(display)}
    voxels = (display.overlays[0].labels == 3).sum()
    expected = voxels * 2.0 * 2.2 * 2.6 / 1000
    assert rows["Cerebral white matter"].volumes_ml == pytest.approx((expected, 0.0))
    assert rows["Cerebral grey matter"].volumes_ml == pytest.approx((0.0, expected))
    assert rows["Cerebral white matter"].share == 1.0


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(viewer, "NIIVUE", ("ipyniivue-that-is-not-there", "1", "0"))
    with pytest.raises(UsageError, match=r"pip install 'lodbrain\[report\]'"):
        check_report(tmp_path / "a.html")
    monkeypatch.setattr(viewer, "NIIVUE", ("numpy", "0.0", "0"))
    with pytest.raises(UsageError, match=r"reports need numpy 0\.0, found"):
        check_report(tmp_path / "a.html")
    with pytest.raises(UsageError, match=r"a report is a \.html"):
        check_report(tmp_path / "a.pdf")


def test_a_script_other_than_the_tested_one_is_refused(monkeypatch, tmp_path):
    viewer._packed.cache_clear()
    name, version, _ = viewer.NIIVUE
    monkeypatch.setattr(viewer, "NIIVUE", (name, version, "0" * 64))
    with pytest.raises(UsageError, match="not the file that lodbrain was tested with"):
        check_report(tmp_path / "a.html")


def test_a_reference_of_another_protocol_and_grid_is_brought_over(tmp_path):
    _, seg = phantom_files(tmp_path)
    image = nib.load(seg)
    freesurfer = np.select([np.asarray(image.dataobj) == n for n in (3, 6)], [2, 16], 0)
    flipped = nib.Nifti1Image(
        freesurfer[::-1].astype(np.int16), image.affine @ np.diag([-1.0, 1, 1, 1])
    )
    flipped.affine[:3, 3] = (image.affine @ [79, 0, 0, 1])[:3]
    nib.save(nib.Nifti1Image(flipped.dataobj, flipped.affine), tmp_path / "aseg.nii.gz")
    names = get_label_set("lod-brain-7")
    labels = np.asarray(image.dataobj).astype(np.uint8)
    found = LabelSource(tmp_path / "aseg.nii.gz").overlay(names, labels, image.affine)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.name == "aseg.nii.gz"
    with pytest.raises(InputError, match="--ref-label-map"):
        LabelSource(tmp_path / "aseg.nii.gz", "muse").read(names)


def test_one_far_from_the_others_comes_first_and_is_marked(tmp_path):
    scans = [ScanSummary(f"s{k}", {"GM": 500.0 + k}, "ok") for k in range(9)]
    scans += [
        ScanSummary("far", {"GM": 900.0, "WM": 1.0}, "ok", report=tmp_path / "a b/f#?.html"),
        ScanSummary("bad", {}, "failed", ("no head",)),
    ]
    page = group_page(scans, tmp_path / "out").decode()
    names = re.findall(r'<th scope="row">(?:<a [^>]*>)?([^<]*)', page)
    assert names[:2] == ["bad", "far"]
    assert page.count('class="number outlier"') == 1
    assert 'href="../a%20b/f%23%3F.html"' in page


def test_of_many_thousand_scans_the_page_shows_those_to_look_at_first(tmp_path):
    def page_of(count):
        scans = [ScanSummary(f"s{k}", {"GM": 500.0 + k % 100}, "ok") for k in range(count)]
        scans[count // 2] = ScanSummary("bad", {}, "failed", ("no head",))
        scans[-1] = ScanSummary("far", {"GM": 3000.0}, "ok")
        return group_page(scans, tmp_path).decode()

    few, many = page_of(900), page_of(9000)
    assert few.count('<th scope="row">') == 900
    assert "to look at first, of" not in few
    names = re.findall(r'<th scope="row">([^<]*)', many)
    assert len(names) == 1000
    assert names[:2] == ["bad", "far"]
    assert "<h1>9000 scans</h1>" in many
    assert "the 1000 to look at first, of 9000; the tables of lodbrain collect have all" in many
    assert "median 550" in many  # of all: of those in the table it would be another
    assert sum(int(n) for n in re.findall(r"<title>(\d+) scans: ", many)) == 8999  # of all
    assert re.findall(r'fill="#bf0000"><title>([^:]*)', many) == ["far"]
    assert "<circle" not in many
    assert len(many) < 1.5 * len(few)


def test_z_scores_are_those_of_iglewicz_and_hoaglin():
    values = [2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3]
    scores = modified_z_scores(values)
    assert [round(s, 2) for s in scores[8:]] == [25.86, 26.31]  # the MAD is 0.15
    assert max(abs(s) for s in scores[:8]) < OUTLIER
    assert modified_z_scores([1.0, 2.0]) == [0.0, 0.0]
    assert modified_z_scores([1.0] * 6) == [0.0] * 6
    most = modified_z_scores([1.0] * 9 + [2.0])
    assert most[-1] > OUTLIER  # the MAD is 0
    assert modified_z_scores([float("nan"), 1, 2, 3, 4, 5])[0] == 0


@pytest.mark.data
def test_the_page_of_a_real_head_of_256_voxels_stays_below_15_mb(data_dir):
    scan = nib.load(data_dir / "pairs/aomic/AOMIC_T1w.nii.gz")
    names = get_label_set("lod-brain-7")
    overlays = [
        Overlay(kind, np.asarray(nib.load(path).dataobj).astype(np.uint8), names)
        for kind, path in (
            ("result", data_dir / "reference/AOMIC_lod-brain_labels.nii.gz"),
            ("reference", data_dir / "pairs/aomic/AOMIC_GT.nii.gz"),
        )
    ]
    image = scan.get_fdata(dtype=np.float32)
    # What compresses worst: noise in the last bits, everywhere.
    image += np.random.default_rng(1).normal(0, 8, image.shape).astype(np.float32)
    page = report_page(make_display("x", image, scan.affine, overlays), {})
    assert 5_000_000 < len(page) < 15_000_000
