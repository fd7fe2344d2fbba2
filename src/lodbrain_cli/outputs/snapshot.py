"""A mosaic of slices in three planes with outlines of the labels or a probability, as a PNG."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..files import replacing
from .display import Display, Overlay
from .heat import blend, color_bar
from .slices import around_labels, slices_along

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CONVENTION", "check_snapshot", "draw_mosaic", "write_snapshot"]

#: How the pictures are to be read.
CONVENTION = "Neurological: the left side of the picture is the left side of the head"

_ORDER = "Rows: axial from below, coronal from behind, sagittal from the left"
_COLUMNS = 6  # of the widest tiles; of others as many as fit
_GAP, _TEXT = 4, 22  # pixels
_MOST_TILES = 12
# Axis across the slices, axes that point to the right and up, letters at the left and right.
_PLANES = ((2, 0, 1, "L", "R"), (1, 0, 2, "L", "R"), (0, 1, 2, "P", "A"))
# Grey values share the palette of the file with the colours of the labels.
_GREYS, _COLOURS = 128, 127


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

    Where the display has a probability, its colours stand in place of the outlines, and the
    whole head is shown. Rows are axial, coronal and sagittal slices, spread over the labelled
    part. Left of the picture is left of the head; each tile bears the letters of its sides.
    """
    from PIL import Image, ImageDraw, ImageFont

    heat = display.probability is not None
    display = display if heat else around_labels(display)
    overlay = display.overlays[0]
    extents = np.array(display.image.shape) * display.voxel_size_mm
    widest = max(extents[plane[1]] for plane in _PLANES)
    counts = [min(_MOST_TILES, int(_COLUMNS * widest / extents[p[1]])) for p in _PLANES]
    rows = [slices_along(display, n, *plane) for n, plane in zip(counts, _PLANES, strict=True)]
    legend = [] if heat else _legend(overlay)
    width = max(sum(tile.grey.shape[1] + _GAP for tile in row) for row in rows) + _GAP
    heights = [row[0].grey.shape[0] + _GAP for row in rows]
    font: Any = ImageFont.load_default(size=_TEXT - 2)
    small: Any = ImageFont.load_default(size=_TEXT * 2 // 3)
    words = [display.name, CONVENTION, _ORDER, *_tilt(display)]
    lines = len(words) + (1 if heat else _legend_lines(legend, font, width))
    height = sum(heights) + 2 * _GAP + (lines + 1) * (_TEXT + 3)
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    layer = np.zeros((height, width), np.uint8)
    top = _GAP
    for row, high in zip(rows, heights, strict=True):
        left = _GAP
        for tile in row:
            down, across = tile.grey.shape
            canvas.paste(Image.fromarray(tile.grey), (left, top))
            layer[top : top + down, left : left + across] = tile.layer
            middle = top + down // 2 - _TEXT // 2
            draw.text((left + 2, top + 2), tile.place, fill=200, font=small)
            draw.text((left + 2, middle), tile.letters[0], fill=255, font=font)
            draw.text((left + across - _TEXT + 4, middle), tile.letters[1], fill=255, font=font)
            left += across + _GAP
        top += high
    for word in words:
        draw.text((_GAP, top), _plain(word), fill=255, font=font)
        top += _TEXT + 3
    if heat:
        _draw_color_bar(draw, layer, f"{_plain(overlay.name)}: 0", font, top)
        return _png(Image.fromarray(blend(np.asarray(canvas), layer)))
    _draw_legend(draw, layer, legend, font, top, width)
    return _png(_with_outlines(np.asarray(canvas), layer, overlay.colors))


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


def _draw_color_bar(draw: Any, layer: "NDArray[np.uint8]", words: str, font: Any, top: int) -> None:
    """Draw the name and the colours from 0 to 1; they end where the picture does."""
    draw.text((_GAP, top), words, fill=255, font=font)
    left = _GAP + int(font.getlength(words)) + _TEXT // 2
    room = layer[top + 3 : top + _TEXT, left : left + 10 * _TEXT]
    room[:] = color_bar(10 * _TEXT, room.shape[0])[:, : room.shape[1]]
    draw.text((left + 10 * _TEXT + _TEXT // 2, top), "1", fill=255, font=font)


def _tilt(display: Display) -> list[str]:
    tilt = display.tilt_degrees
    return [] if tilt < 1 else [f"Planes of the scan, tilted by {tilt:.0f} degrees"]


def _plain(text: str) -> str:
    """One line that can be drawn, whatever a file is called."""
    return "".join(c if c.isprintable() else "?" for c in text)[:160]


def _with_outlines(
    grey: "NDArray[np.uint8]", outlines: "NDArray[np.uint8]", colors: Sequence[str]
) -> Any:
    """Image with a palette: greys, then the colours of labels (beyond 127 they come again)."""
    from PIL import Image

    steps = [round(255 * k / (_GREYS - 1)) for k in range(_GREYS)]
    palette = [v for step in steps for v in (step, step, step)]
    for color in colors[:_COLOURS]:
        palette += [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    coloured = _GREYS + (outlines.astype(np.int32) - 1) % _COLOURS
    pixels = np.where(outlines > 0, coloured, grey >> 1).astype(np.uint8)
    image = Image.fromarray(pixels)  # a new one, mode L, turned to one with a palette
    image.putpalette(palette)
    return image


def _png(image: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=6)
    return stream.getvalue()
