"""The mosaic: the letter L stands where the marker is, and no two colours look alike."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lodbrain_cli.errors import UsageError
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.outputs.palette import PALETTE, picture_colors
from lodbrain_cli.outputs.snapshot import CONVENTION, check_snapshot, draw_mosaic

from ..phantoms import GRIDS, HEAD_RADII_MM, rotation
from .heads import phantom_display

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def written(monkeypatch):
    """Every text that is drawn, with its place."""
    texts = []
    real = ImageDraw.ImageDraw.text

    def text(self, place, words, **options):
        texts.append((words, place))
        return real(self, place, words, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return texts


def places_of(picture: bytes, color: str) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    wanted = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    return np.argwhere((pixels == wanted).all(-1))[:, ::-1]


@pytest.mark.parametrize("grid", [*GRIDS, "oblique"])
def test_l_stands_on_the_side_of_the_left_marker(grid, written):
    directions = GRIDS.get(grid, rotation((14, -9, 18)) @ GRIDS["LPS"])
    picture = draw_mosaic(phantom_display(directions))
    assert CONVENTION in [words for words, _ in written]
    marker = places_of(picture, PALETTE[5])
    letters = {side: [p for words, p in written if words == side] for side in "LR"}
    assert len(letters["L"]) == len(letters["R"]) >= 10
    seen = 0
    for left, right in zip(letters["L"], letters["R"], strict=True):
        assert left[0] < right[0]
        tall = 60  # pixels above and below the letters, within a tile
        near = np.abs(marker[:, 1] - left[1]) < tall
        inside = marker[near & (marker[:, 0] > left[0]) & (marker[:, 0] < right[0])]
        if len(inside):
            seen += 1
            assert inside[:, 0].mean() < (left[0] + right[0]) / 2 - 10
    assert seen >= 2  # one slice or more of each plane


def test_slices_say_where_they_lie(written):
    draw_mosaic(phantom_display(GRIDS["LPS"]))
    for axis, radius in zip("xyz", HEAD_RADII_MM, strict=True):
        places = [int(w.split()[2]) for w, _ in written if w.startswith(f"{axis} = ")]
        assert places == sorted(places)  # left, posterior and inferior come first
        assert places[0] == pytest.approx(-0.8 * radius, abs=4)
        assert places[-1] == pytest.approx(0.8 * radius, abs=4)


def test_planes_of_an_oblique_scan_are_said_to_be_its_own(written):
    draw_mosaic(phantom_display(rotation((0, 0, 20))))
    assert any("tilted by 20 degrees" in words for words, _ in written)


def test_a_name_with_control_characters_becomes_one_line(written):
    draw_mosaic(phantom_display(name="a\nb\x1b[31m\udcff<script>.nii.gz"))
    assert "a?b?[31m?<script>.nii.gz" in [words for words, _ in written]


def test_labels_of_nothing_are_a_picture_too():
    display = phantom_display()
    display.overlays[0].labels[:] = 0
    assert Image.open(io.BytesIO(draw_mosaic(display))).size[0] > 500


def test_a_snapshot_is_a_png(tmp_path):
    with pytest.raises(UsageError, match=r"\.png"):
        check_snapshot(tmp_path / "seg.jpg")


@pytest.fixture
def distances(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from palette import smallest_distances

    yield smallest_distances
    sys.modules.pop("palette", None)


@pytest.mark.parametrize("vision", ["full", "protanopia", "deuteranopia", "tritanopia"])
def test_colours_differ_for_every_vision_from_each_other_and_from_greys(distances, vision):
    among, to_grey = distances(PALETTE)[vision]
    assert among >= 18
    assert to_grey >= 14


def test_more_structures_than_the_palette_has_keep_their_own_colours():
    seven = get_label_set("lod-brain-7")
    assert picture_colors(seven) == PALETTE
    assert picture_colors(get_label_set("brain")) == PALETTE[:1]
