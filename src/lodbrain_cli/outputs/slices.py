"""Slices of a scan as pixels, with the outlines of labels or a probability."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .display import Display, Overlay

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tile", "around_labels", "slices_along"]

_PIXELS_PER_MM = 1.75
_MARGIN_MM = 15.0  # of the head around the labels


@dataclass(frozen=True, eq=False)
class Tile:
    """One slice as pixels, rows from the top.

    Parameters
    ----------
    grey : (Y, X) uint8 array
    layer : (Y, X) uint8 array
        Numbers of labels on their outlines, 0 elsewhere; or the probability, 255 for 1.
    letters : tuple of 2 str
        Sides of the head at the left and the right.
    place : str
    """

    grey: "NDArray[np.uint8]"
    layer: "NDArray[np.uint8]"
    letters: tuple[str, str]
    place: str


def around_labels(display: Display) -> Display:
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


def slices_along(
    display: Display, count: int, across: int, right: int, up: int, *letters: str
) -> list[Tile]:
    """Slices along one axis (of three: `across`), evenly over the labelled part."""
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
        size = tuple(
            max(1, round(count * side * _PIXELS_PER_MM))
            for count, side in zip(grey.shape[::-1], sides[[right, up]], strict=True)
        )
        scaled = np.clip((grey.astype(np.float32) - low) * (255 / (high - low)), 0, 255)
        tiles.append(
            Tile(
                _resized(scaled.astype(np.uint8), size, smooth=True),
                _layer(display, across, int(place), size),
                (letters[0], letters[1]),
                _place(display, across, int(place)),
            )
        )
    return tiles


def _layer(display: Display, across: int, place: int, size: tuple[int, ...]) -> "NDArray[np.uint8]":
    if display.probability is not None:
        share = np.take(display.probability, place, across).T[::-1]
        layer: NDArray[np.uint8] = _resized(share, size, smooth=True)
        return layer
    labels = np.take(display.overlays[0].labels, place, across).T[::-1]
    return _outline(_resized(labels, size, smooth=False))


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
