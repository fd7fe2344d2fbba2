"""A mosaic of slices in three planes with outlines of the labels, as a PNG."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..files import replacing
from .display import Display, Overlay

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CONVENTION", "check_snapshot", "draw_mosaic", "write_snapshot"]

#: How the pictures are to be read.
CONVENTION = "Neurological: the left side of the picture is the left side of the head"

_ORDER = "Rows: axial from below, coronal from behind, sagittal from the left"
_COLUMNS = 6  # of the widest tiles; of others as many as fit
_PIXELS_PER_MM = 1.75
_MARGIN_MM = 15.0  # of the head around the labels
_GAP, _TEXT = 4, 22  # pixels
_MOST_TILES = 12
# Axis across the slices, axes that point to the right and up, letters at the left and right.
_PLANES = ((2, 0, 1, "L", "R"), (1, 0, 2, "L", "R"), (0, 1, 2, "P", "A"))
# Grey values share the palette of the file with the colours of the labels.
_GREYS, _COLOURS = 128, 127


@dataclass(frozen=True, eq=False)
class _Tile:
    """One slice as pixels, rows from the top."""

    grey: "NDArray[np.uint8]"
    outline: "NDArray[np.uint8]"
    letters: tuple[str, str]
    place: str


def check_snapshot(path: Path) -> None:
    """Refuse another extension than .png, or to draw without Pillow.

    Raises
    ------
    UsageError
    """
    if path.suffix.lower() != ".png":
        msg = f"{path}: a snapshot is a .png"
        raise UsageError(msg)
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        msg = "snapshots need the package pillow; install it with: pip install 'lodbrain[report]'"
        raise UsageError(msg) from error


def write_snapshot(path: Path, display: Display) -> None:
    """Write the mosaic of a scan, whole or not at all.

    Parameters
    ----------
    path : Path
        ``.png``.
    display : Display

    Raises
    ------
    UsageError
        As :func:`check_snapshot`.
    OutputError
        When it cannot be written.
    """
    check_snapshot(path)
    picture = draw_mosaic(display)
    with replacing(path) as temporary:
        temporary.write_bytes(picture)


def draw_mosaic(display: Display) -> bytes:
    """Draw slices in three planes, with the outlines of the first labels; bytes of a PNG.

    Rows are axial, coronal and sagittal slices, spread over the labelled part. Left of
    the picture is left of the head; each tile bears the letters of its sides.
    """
    from PIL import Image, ImageDraw, ImageFont

    display = _around_labels(display)
    overlay = display.overlays[0]
    extents = np.array(display.image.shape) * display.voxel_size_mm
    widest = max(extents[plane[1]] for plane in _PLANES)
    counts = [min(_MOST_TILES, int(_COLUMNS * widest / extents[p[1]])) for p in _PLANES]
    rows = [_row(display, n, *plane) for n, plane in zip(counts, _PLANES, strict=True)]
    legend = _legend(overlay)
    width = max(sum(tile.grey.shape[1] + _GAP for tile in row) for row in rows) + _GAP
    heights = [row[0].grey.shape[0] + _GAP for row in rows]
    font: Any = ImageFont.load_default(size=_TEXT - 2)
    small: Any = ImageFont.load_default(size=_TEXT * 2 // 3)
    words = [display.name, CONVENTION, _ORDER, *_tilt(display)]
    lines = len(words) + _legend_lines(legend, font, width)
    height = sum(heights) + 2 * _GAP + (lines + 1) * (_TEXT + 3)
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    outlines = np.zeros((height, width), np.uint8)
    top = _GAP
    for row, high in zip(rows, heights, strict=True):
        left = _GAP
        for tile in row:
            down, across = tile.grey.shape
            canvas.paste(Image.fromarray(tile.grey), (left, top))
            outlines[top : top + down, left : left + across] = tile.outline
            middle = top + down // 2 - _TEXT // 2
            draw.text((left + 2, top + 2), tile.place, fill=200, font=small)
            draw.text((left + 2, middle), tile.letters[0], fill=255, font=font)
            draw.text((left + across - _TEXT + 4, middle), tile.letters[1], fill=255, font=font)
            left += across + _GAP
        top += high
    for word in words:
        draw.text((_GAP, top), _plain(word), fill=255, font=font)
        top += _TEXT + 3
    _draw_legend(draw, outlines, legend, font, top, width)
    return _encode(np.asarray(canvas), outlines, overlay.colors)


def _around_labels(display: Display) -> Display:
    """Keep what lies near the first labels; everything where there are none."""
    overlay = display.overlays[0]
    box = []
    for axis, side in enumerate(display.voxel_size_mm):
        others: Any = tuple(i for i in range(3) if i != axis)
        places = np.flatnonzero(overlay.labels.any(axis=others))
        if len(places) == 0:
            return display
        margin = int(np.ceil(_MARGIN_MM / side))
        box.append(slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1))
    part = tuple(box)
    cut = Overlay(overlay.name, overlay.labels[part], overlay.label_set)
    moved = display.affine.copy()
    moved[:3, 3] += display.affine[:3, :3] @ [each.start for each in part]
    return replace(display, image=display.image[part], overlays=(cut,), affine=moved)


def _row(
    display: Display, count: int, across: int, right: int, up: int, *letters: str
) -> list[_Tile]:
    """Slices along one axis, evenly over the labelled part."""
    overlay = display.overlays[0]
    others: Any = tuple(i for i in range(3) if i != across)
    places = np.flatnonzero(overlay.labels.any(axis=others))
    if len(places) == 0:
        places = np.arange(display.image.shape[across])
    shares = np.linspace(0.1, 0.9, count)
    chosen = (places[0] + (places[-1] - places[0]) * shares).round().astype(int)
    low, high = (
        255 * (edge - display.intensity[0]) / (display.intensity[1] - display.intensity[0])
        for edge in display.window
    )
    sides = display.voxel_size_mm
    tiles = []
    for place in chosen:
        grey = np.take(display.image, place, across).T[::-1]
        labels = np.take(overlay.labels, place, across).T[::-1]
        size = tuple(
            max(1, round(count * side * _PIXELS_PER_MM))
            for count, side in zip(grey.shape[::-1], sides[[right, up]], strict=True)
        )
        scaled = np.clip((grey.astype(np.float32) - low) * (255 / (high - low)), 0, 255)
        tiles.append(
            _Tile(
                _resized(scaled.astype(np.uint8), size, smooth=True),
                _outline(_resized(labels, size, smooth=False)),
                (letters[0], letters[1]),
                _place(display, across, int(place)),
            )
        )
    return tiles


def _place(display: Display, across: int, index: int) -> str:
    """Where a slice lies in the world, at its middle: ``z = 12 mm``."""
    middle = (np.array(display.image.shape) - 1) / 2
    middle[across] = index
    world = display.affine[:3, :3] @ middle + display.affine[:3, 3]
    return f"{'xyz'[across]} = {round(world[across])} mm"


def _resized(values: "NDArray[np.uint8]", size: tuple[int, ...], *, smooth: bool) -> Any:
    from PIL import Image

    way = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.array(Image.fromarray(np.ascontiguousarray(values)).resize(size, way))


def _outline(labels: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Keep labels where one of the four neighbours has another."""
    padded = np.pad(labels, 1, mode="edge")
    neighbours = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    edge = np.logical_or.reduce([labels != other for other in neighbours])
    kept: NDArray[np.uint8] = np.where(edge, labels, 0).astype(np.uint8)
    return kept


def _legend(overlay: Overlay) -> list[tuple[int, str]]:
    return [(x.index, x.name) for x in overlay.label_set.structures]


def _legend_lines(legend: Sequence[tuple[int, str]], font: Any, width: int) -> int:
    return 1 + _places(legend, font, width)[-1][1] if legend else 0


def _places(legend: Sequence[tuple[int, str]], font: Any, width: int) -> list[tuple[int, int]]:
    """Left edge and line of each entry."""
    places, left, line = [], _GAP, 0
    for _, name in legend:
        needs = int(font.getlength(_plain(name))) + 3 * _TEXT
        if left > _GAP and left + needs > width:
            left, line = _GAP, line + 1
        places.append((left, line))
        left += needs
    return places


def _draw_legend(
    draw: Any,
    outlines: "NDArray[np.uint8]",
    legend: Sequence[tuple[int, str]],
    font: Any,
    top: int,
    width: int,
) -> None:
    for (index, name), (left, line) in zip(legend, _places(legend, font, width), strict=True):
        down = top + line * (_TEXT + 3)
        outlines[down + 3 : down + _TEXT, left : left + _TEXT - 3] = index
        draw.text((left + _TEXT + 3, down), _plain(name), fill=255, font=font)


def _tilt(display: Display) -> list[str]:
    tilt = display.tilt_degrees
    return [] if tilt < 1 else [f"Planes of the scan, tilted by {tilt:.0f} degrees"]


def _plain(text: str) -> str:
    """One line that can be drawn, whatever a file is called."""
    return "".join(c if c.isprintable() else "?" for c in text)[:160]


def _encode(
    grey: "NDArray[np.uint8]", outlines: "NDArray[np.uint8]", colors: Sequence[str]
) -> bytes:
    """PNG with a palette: greys, then the colours of labels (beyond 127 they come again)."""
    from PIL import Image

    steps = [round(255 * k / (_GREYS - 1)) for k in range(_GREYS)]
    palette = [v for step in steps for v in (step, step, step)]
    for color in colors[:_COLOURS]:
        palette += [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    coloured = _GREYS + (outlines.astype(np.int32) - 1) % _COLOURS
    pixels = np.where(outlines > 0, coloured, grey >> 1).astype(np.uint8)
    image = Image.fromarray(pixels)  # a new one, mode L, turned to one with a palette
    image.putpalette(palette)
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=6)
    return stream.getvalue()
