"""Surfaces as a picture, or turning: drawn without a screen or a graphics card.

A painter's algorithm: triangles that face the viewer, the farthest first, each
in the colour of its structure, darker the less it faces the light.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..files import replacing
from .structures import Structure
from .surface import Surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_picture", "draw_surfaces"]

_PIXELS, _DPI = 600, 100
_FRAMES, _FRAME_MS = 36, 100

# Of what fits at every turn.
_MARGIN = 1.03

# Triangles in all: enough for gyri at this size, a third of a second a frame.
_MOST_FACES = 80_000

# From the viewer's left, above and in front; the rest is light from everywhere.
_LIGHT = np.array([-0.4, 0.45, 0.8]) / np.linalg.norm([-0.4, 0.45, 0.8])
_AMBIENT = 0.3


def check_picture(target: Path) -> None:
    """Refuse another extension than .png and .gif with a :class:`UsageError`."""
    if target.suffix.lower() not in (".png", ".gif"):
        msg = f"{target}: a picture of surfaces is a .png or a .gif"
        raise UsageError(msg)


def draw_surfaces(shown: Sequence[tuple[Structure, Surface]], target: Path) -> None:
    """Draw surfaces seen from the left, or turning once about the vertical axis.

    Parameters
    ----------
    shown : sequence of (Structure, Surface)
        Together in one picture.
    target : Path
        ``.png`` for one view, ``.gif`` for a full turn; replaced whole or not
        at all.

    Raises
    ------
    UsageError
        As :func:`check_picture`, or when the extra ``mesh`` is not installed.
    OutputError
        When it cannot be written.
    """
    check_picture(target)
    share = _MOST_FACES / sum(len(surface.faces) for _, surface in shown)
    scene = _scene(
        [(s.rgb, x.with_fewer_faces(max(100, int(share * len(x.faces))))) for s, x in shown]
    )
    with replacing(target) as temporary:
        if target.suffix.lower() == ".png":
            _view(*scene, 0.0).save(temporary)
            return
        turns = np.arange(_FRAMES) * 2 * np.pi / _FRAMES
        first, *others = [_view(*scene, float(turn)).quantize(128) for turn in turns]
        first.save(temporary, save_all=True, append_images=others, duration=_FRAME_MS, loop=0)


def _scene(
    coloured: "Sequence[tuple[tuple[int, int, int], Surface]]",
) -> "tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]":
    """Triangles around the origin, their normals and colours, and the radius of it all."""
    triangles = np.concatenate([s.vertices_mm[s.faces] for _, s in coloured])
    colours = np.concatenate(
        [np.tile(np.array(rgb) / 255, (len(s.faces), 1)) for rgb, s in coloured]
    )
    corners = triangles.reshape(-1, 3)
    triangles = triangles - (corners.min(axis=0) + corners.max(axis=0)) / 2
    radius = _MARGIN * float(np.linalg.norm(triangles.reshape(-1, 3), axis=1).max())
    # Smooth shading: the mean of the corners' normals.
    normals = np.concatenate([s.vertex_normals()[s.faces].mean(axis=1) for _, s in coloured])
    return triangles, normals, colours, radius


def _view(
    triangles: "NDArray[np.float64]",
    normals: "NDArray[np.float64]",
    colours: "NDArray[np.float64]",
    radius: float,
    turn: float,
) -> Any:
    """Image of one view."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import PolyCollection
        from matplotlib.figure import Figure
        from PIL import Image
    except ImportError as error:
        msg = (
            f"pictures need the package {error.name}; install it with: pip install 'lodbrain[mesh]'"
        )
        raise UsageError(msg) from None
    # Seen from the left: anterior is on the left, superior on top, depth towards the viewer.
    c, s = np.cos(turn), np.sin(turn)
    axes = np.array([[-s, -c, 0], [0, 0, 1], [-c, s, 0]])
    seen, facing = triangles @ axes.T, normals @ axes.T
    front = np.flatnonzero(np.cross(seen[:, 1] - seen[:, 0], seen[:, 2] - seen[:, 0])[:, 2] > 0)
    front = front[np.argsort(seen[front, :, 2].mean(axis=1))]
    light = _AMBIENT + (1 - _AMBIENT) * np.clip(facing[front] @ _LIGHT, 0, 1)
    fill = np.clip(colours[front] * light[:, None], 0, 1)
    figure = Figure(figsize=(_PIXELS / _DPI, _PIXELS / _DPI), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    plane = figure.add_axes((0, 0, 1, 1), xlim=(-radius, radius), ylim=(-radius, radius))
    plane.set_axis_off()
    # Edges in the colour of their triangle, or the background shines through between them.
    plane.add_collection(
        PolyCollection(seen[front][..., :2], facecolors=fill, edgecolors=fill, linewidths=0.3)
    )
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
