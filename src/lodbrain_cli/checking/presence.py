"""Whether there is a head at all, and whether the field of view holds it."""

import numpy as np
from scipy import ndimage

from .findings import Finding, Verdict
from .outline import STEP_MM, Outline
from .thresholds import (
    CORE_DARK_SHARE,
    CORE_SPREAD,
    HEAD_RADIUS_MM,
    SHORTEST_HEAD_MM,
    TOUCHING_MM2,
)

__all__ = ["field_of_view_finding", "head_finding"]

_SIDES = (("right", "left"), ("superior", "inferior"), ("posterior", "anterior"))
_CRANIUM = 1.5  # radii of the ball around its centre that belong to the cranium ...
_LOWEST = 0.3  # ... and how far below the centre, for the neck may leave the field of view


def head_finding(outline: Outline | None) -> Finding:
    """Tell a head from other things: its size, and tissue in its middle.

    Parameters
    ----------
    outline : Outline or None
        None where nothing stands out from the air.

    Returns
    -------
    Finding
        Warns where there is no head; else ok, which says that nothing speaks
        against one.
    """
    if outline is None:
        return Finding("head", Verdict.WARN, "no head found: nothing stands out from the air")
    core = outline.core
    mean = float(core.mean())
    dark = float(np.mean(core < 0.25 * np.percentile(core, 95)))
    spread = float(core.std() / mean) if mean > 0 else 0.0
    values = {
        "radius_mm": round(outline.radius_mm, 1),
        "volume_ml": round(outline.volume_ml),
        "core_dark_share": round(dark, 3),
        "core_spread": round(spread, 3),
    }
    smallest, largest = HEAD_RADIUS_MM
    why = None
    if not smallest <= outline.radius_mm <= largest:
        why = (
            f"the largest ball inside has a radius of {outline.radius_mm:.0f} mm, in heads it is "
            f"{smallest:.0f} to {largest:.0f}"
        )
    elif dark > CORE_DARK_SHARE:
        why = f"{100 * dark:.0f} % of its middle are dark, where a head has its brain"
    elif spread < CORE_SPREAD:
        why = "its middle is all of one brightness: air brighter than tissue, or a phantom?"
    if why:
        return Finding("head", Verdict.WARN, f"no head found: {why}; look at the scan", values)
    text = f"{outline.volume_ml / 1000:.1f} litres, {2 * outline.radius_mm:.0f} mm thick"
    return Finding("head", Verdict.OK, text, values)


def field_of_view_finding(outline: Outline, cut: tuple[str, ...]) -> Finding:
    """Say where the cranium goes on beyond what was scanned, or beyond the conformed grid.

    Padding of one value does not count as scanned. That the neck leaves the
    field of view is as it should be, and that air and neck leave the conformed grid,
    as with many an oblique scan of 256 mm, is told and no warning.

    Parameters
    ----------
    outline : Outline
    cut : tuple of str
        What conforming says of a field of view larger than its grid.
    """
    touching = _touching_mm2(outline)
    top = int(np.flatnonzero(outline.inside.any(axis=(0, 2)))[0])
    height = (outline.inside.shape[1] - top) * STEP_MM
    values: dict[str, object] = {
        "touching_mm2": {side: round(area) for side, area in touching.items()},
        "vertex_to_lower_end_mm": height,
    }
    lost = [side for side, area in touching.items() if area > TOUCHING_MM2]
    texts = []
    if lost:
        areas = ", ".join(f"{side} ({touching[side] / 100:.0f} cm2)" for side in lost)
        texts.append(
            f"the head is cut off by the field of view: {areas}; what is lost of the brain is "
            "missing in the volumes"
        )
    if height < SHORTEST_HEAD_MM:
        texts.append(
            f"the field of view ends {height} mm below the top of the head, where a brain "
            "still goes on; what is lost of it is missing in the volumes"
        )
    values["cranium_cut"] = bool(texts)
    verdict = Verdict.WARN if texts else Verdict.OK
    return Finding(
        "field of view", verdict, "; ".join([*(texts or ["holds the cranium"]), *cut]), values
    )


def _touching_mm2(outline: Outline) -> dict[str, float]:
    """Area of the cranium on each side of the field of view but the lower one."""
    offsets = outline.offsets_mm
    radius = outline.radius_mm
    cranium = (np.linalg.norm(offsets, axis=0) < _CRANIUM * radius) & (
        offsets[1] < _LOWEST * radius
    )
    head = outline.inside & cranium
    areas = {}
    for axis, names in enumerate(_SIDES):
        for name, place in zip(names, (0, -1), strict=True):
            if name != "inferior":
                bright = np.take(outline.bright, place, axis)
                # The skull is dark: what bright tissue surrounds is cut as well.
                face = ndimage.binary_fill_holes(bright) & np.take(head, place, axis)
                areas[name] = float(np.count_nonzero(face)) * STEP_MM**2
    return areas
