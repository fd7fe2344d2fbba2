"""The pages in a real browser: offline, by keyboard, for screen readers, on a telephone."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lodbrain_cli.outputs.palette import PALETTE
from lodbrain_cli.outputs.report.group import ScanSummary, write_group_page
from lodbrain_cli.outputs.report.page import report_page
from lodbrain_cli.outputs.snapshot import CONVENTION

from ..outputs.heads import phantom_display, phantom_files
from ..phantoms import MARKER_MM
from .conftest import NARROW, WIDE

pytestmark = pytest.mark.slow

HOSTILE = "<script>alert(1)</script>\"' ü.nii.gz"
RECORD = {
    "lodbrain": "0.1.0",
    "preset": "lod-brain",
    "weights": {"sha256": "0" * 64, "file": "weights.h5"},
    "checks": {"noise": "warn", "head": "ok", "file": "refuse"},
    "quality": {
        "verdict": "fail",
        "score": 25.0,
        "reasons": ["much too small"],
        "items": {"size": {"mark": 25.0, "text": "much too small"}},
    },
    "warnings": ["a long line " * 20],
    "seconds": {"read": 0.5},
    "input": {"path": "/a/very/long/path" * 9, "sha256": "1" * 64},
}
BRAINSTEM = [int(PALETTE[5][k : k + 2], 16) for k in (1, 3, 5)]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page as a file, with the labels of two."""
    path = tmp_path_factory.mktemp("pages") / "report ü#?.html"
    path.write_bytes(
        report_page(phantom_display(name=HOSTILE, others=("other",), noise=6.0), RECORD)
    )
    return path.as_uri()


@pytest.fixture(scope="module")
def viewer(opened, address):
    """The page, opened once for all that is tried on it."""
    with opened(address) as seen:
        seen.wait_for_viewer()
        yield seen


@pytest.fixture
def fresh(viewer):
    """The page as it is when it has just been opened."""
    page = viewer.page
    page.locator("#viewer-view").select_option("axial")  # in software 3-D takes its time
    page.locator("input[name=viewer-overlay]").first.check()
    for box in page.locator("input[name=viewer-class]").all():
        box.check()
    for name in ("outlines", "radiological"):
        page.locator(f"#viewer-{name}").uncheck()
    for name, value in (("opacity", "30"), ("gamma", "100")):
        page.locator(f"#viewer-{name}").fill(value)
    viewer.settle()
    return viewer


def changed(before: np.ndarray, after: np.ndarray) -> int:
    """Pixels that look different."""
    return int((np.abs(before - after).max(axis=-1) > 12).sum())


def test_it_opens_offline_without_a_request_or_an_error(viewer, address):
    assert viewer.complaints == []
    others = [u for u in viewer.requests if not u.startswith(("data:", "blob:"))]
    assert [url.split("/")[-1] for url in others] == [address.split("/")[-1]]
    assert viewer.page.locator("h1").inner_text() == HOSTILE
    assert viewer.page.locator("#viewer-state").inner_text() == ""


def test_the_canvas_shows_the_head_and_its_labels(fresh):
    fresh.page.locator("#viewer-view").select_option("planes")
    pixels = fresh.canvas()
    assert pixels.std() > 20
    assert (pixels.max(axis=-1) > 60).mean() > 0.1
    coloured = pixels.max(axis=-1) - pixels.min(axis=-1) > 25
    assert coloured.mean() > 0.05


def test_a_class_can_be_switched_off(fresh):
    before = fresh.canvas()
    fresh.page.get_by_label("Cerebral white matter").uncheck()
    without = fresh.canvas()
    assert changed(before, without) > 2000
    fresh.page.get_by_label("Cerebral white matter").check()
    assert changed(before, fresh.canvas()) < 100


def test_one_can_switch_to_the_labels_of_others(fresh):
    before = fresh.canvas()
    fresh.page.get_by_label("other", exact=True).check()
    assert changed(before, fresh.canvas()) > 2000


def test_labels_can_be_outlines_alone(fresh):
    fresh.page.locator("#viewer-opacity").fill("100")
    before = fresh.canvas()
    fresh.page.get_by_label("Outlines alone").check()
    coloured = [
        int((shot.max(axis=-1) - shot.min(axis=-1) > 40).sum()) for shot in (before, fresh.canvas())
    ]
    assert coloured[1] < 0.6 * coloured[0]
    assert coloured[1] > 200


@pytest.mark.parametrize(
    ("slider", "keys"),
    [
        ("viewer-opacity", ["End"]),
        ("viewer-z", ["PageUp", "ArrowRight"]),
        ("viewer-x", ["PageDown", "PageDown", "ArrowLeft"]),
        ("viewer-y", ["End"]),
        ("viewer-high", ["Home"]),
        ("viewer-low", ["End", "PageDown"]),
        ("viewer-gamma", ["End", "ArrowLeft"]),
    ],
)
def test_sliders_work_by_the_keyboard(fresh, slider, keys):
    before = fresh.canvas()
    control = fresh.page.locator(f"#{slider}")
    said = fresh.page.locator(f"#{slider}-value").inner_text()
    value = control.input_value()
    control.focus()
    for key in keys:
        fresh.page.keyboard.press(key)
    fresh.settle()
    assert control.input_value() != value
    assert changed(before, fresh.canvas()) > 1000
    assert fresh.page.locator(f"#{slider}-value").inner_text() != said
    control.fill(value)


def test_black_never_passes_white(fresh):
    low, high = fresh.page.locator("#viewer-low"), fresh.page.locator("#viewer-high")
    before = low.input_value(), high.input_value()
    for slider, key, start in ((low, "End", before[0]), (high, "Home", before[1])):
        slider.focus()
        fresh.page.keyboard.press(key)
        fresh.settle()
        assert float(low.input_value()) < float(high.input_value())
        slider.fill(start)
        fresh.settle()


@pytest.mark.parametrize("view", ["axial", "coronal"])
def test_the_marker_is_on_the_left_unless_radiological_is_asked_for(fresh, view):
    page = fresh.page
    page.locator("#viewer-view").select_option(view)
    page.locator("#viewer-opacity").fill("100")
    affine = phantom_display().affine
    voxel = np.linalg.inv(affine)[:3] @ [*MARKER_MM, 1]
    for axis, place in zip("yz", voxel[1:], strict=True):  # slices that hold the marker
        page.locator(f"#viewer-{axis}").fill(str(round(place)))
    places = {}
    for radiological in (False, True):
        page.locator("#viewer-radiological").set_checked(radiological)
        said = page.locator("#viewer-convention").inner_text()
        assert said.startswith("Radiological" if radiological else CONVENTION)
        pixels = fresh.canvas()
        marker = np.abs(pixels - BRAINSTEM).max(axis=-1) < 30
        assert marker.sum() > 100
        places[radiological] = np.argwhere(marker)[:, 1].mean() / pixels.shape[1]
    assert places[False] < 0.47
    assert places[True] > 0.53


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_nothing_scrolls_sideways(viewer, size):
    viewer.page.set_viewport_size({"width": size[0], "height": size[1]})
    viewer.settle()
    assert not viewer.scrolls_sideways()
    assert viewer.canvas().std() > 20
    viewer.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def violations(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core")
    found = axe.Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]


def test_the_page_is_accessible(viewer):
    assert violations(viewer.page) == []


def test_without_webgl_the_slices_stay_and_the_page_says_so(opened, address):
    with opened(address, flags=("--disable-3d-apis",)) as seen:
        state = seen.page.locator("#viewer-state")
        seen.page.wait_for_function(
            "document.getElementById('viewer-state').textContent.includes('WebGL')"
        )
        assert "cannot be shown" in state.inner_text()
        assert seen.page.locator(".mosaic img").evaluate("e => e.naturalWidth") > 500
        assert not seen.page.locator("#viewer-controls").is_visible()
        assert seen.complaints == []
        assert violations(seen.page) == []


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    folder = tmp_path_factory.mktemp("group")
    (folder / "a b").mkdir()
    report = folder / "a b" / "sub#1 ü.html"
    report.write_text("<title>here</title>")
    scans = [
        ScanSummary(f"sub-{k:02d}", {"GM": 500.0 + k, "WM": 400.0 - k}, "ok") for k in range(12)
    ]
    scans += [
        ScanSummary(HOSTILE, {"GM": 900.0, "WM": 400.0}, "warn", ("dark",), report),
        ScanSummary("gone", {}, "failed", ("no such file " * 9,)),
    ]
    write_group_page(folder / "report.html", scans)
    return (folder / "report.html").as_uri()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_of_all_scans_is_accessible_and_fits(opened, group, size):
    with opened(group, size) as seen:
        assert violations(seen.page) == []
        assert not seen.scrolls_sideways()
        assert seen.complaints == []
        assert len(seen.requests) == 1


def test_the_page_of_more_scans_than_it_lists_is_accessible_and_fits(opened, tmp_path):
    volumes = np.random.default_rng(1).normal(500, 40, 1100)
    scans = [ScanSummary(f"sub-{k:04}", {"GM": float(v)}, "ok") for k, v in enumerate(volumes)]
    write_group_page(tmp_path / "report.html", scans)
    with opened((tmp_path / "report.html").as_uri()) as seen:
        assert violations(seen.page) == []
        assert not seen.scrolls_sideways()
        assert seen.complaints == []
        assert seen.page.locator("tbody tr").count() == 1000
        assert seen.page.locator("svg rect").count() > 20


def test_its_table_is_sorted_by_keyboard_and_leads_to_the_reports(opened, group):
    with opened(group) as seen:
        names = seen.page.locator("tbody th")
        assert names.all_inner_texts()[:2] == ["gone", HOSTILE]
        seen.page.get_by_role("button", name="WM").focus()
        seen.page.keyboard.press("Enter")
        assert names.all_inner_texts()[1] == "sub-11"  # the smallest but for the one without
        seen.page.keyboard.press("Enter")
        assert names.all_inner_texts()[0] in ("sub-00", HOSTILE)
        assert seen.page.get_by_role("columnheader", name="WM").get_attribute("aria-sort") == (
            "descending"
        )
        seen.page.get_by_role("link").click()
        assert seen.page.title() == "here"


def test_view_serves_the_page_to_a_browser_and_ends_at_ctrl_c(opened, tmp_path):
    scan, labels = phantom_files(tmp_path)
    command = [sys.executable, "-m", "lodbrain_cli", "view", labels, scan, "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            address = running.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", address)
            with opened(address) as seen:
                seen.wait_for_viewer()
                assert seen.page.locator("h1").inner_text() == Path(scan).name
                assert seen.canvas().std() > 20
                assert seen.complaints == []
                others = [u for u in seen.requests if not u.startswith(("data:", "blob:"))]
                assert others == [address]
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 0
            assert "Traceback" not in running.stderr.read()
        finally:
            running.kill()
