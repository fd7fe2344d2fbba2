"""How noisy a scan is, on its own grid: interpolation would hide it."""

from typing import TYPE_CHECKING

import numpy as np

from .findings import Finding, Verdict
from .outline import Outline
from .thresholds import LOWEST_SNR

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["noise_finding", "noise_level"]

_BLOCK = 8  # voxels along each side of a block in which the spread is taken
_QUIETEST = 20  # per cent of the blocks, those with the least anatomy
_TISSUE = 0.3  # of the core's 90th percentile: below, a block is fluid or air
_PART = 0.6  # of the ball's radius


def noise_finding(outline: Outline, data: "NDArray[np.float32]") -> Finding:
    """Estimate the signal-to-noise ratio within the head.

    Parameters
    ----------
    outline : Outline
    data : (X, Y, Z) float32 array
        Intensities on the scan's own grid.
    """
    half = _PART * outline.radius_mm
    begin = np.clip(np.floor(outline.centre - half), 0, None).astype(int)
    end = np.ceil(outline.centre + half).astype(int)
    box = outline.grid.native_box(tuple(slice(a, b) for a, b in zip(begin, end, strict=True)))
    part = data[box] - np.float32(outline.air)
    signal = float(np.percentile(part, 90))
    sigma = noise_level(part, _TISSUE * signal)
    if sigma is None or signal <= 0:
        text = "cannot be told: too few voxels of tissue"
        return Finding("noise", Verdict.UNKNOWN, text)
    ratio = signal / sigma if sigma > 0 else None
    values = {
        "snr": round(ratio, 1) if ratio else None,
        "noise_percent": round(100 * sigma / signal, 2),
    }
    if ratio is None:
        return Finding("noise", Verdict.OK, "none that could be measured", values)
    text = f"signal to noise about {ratio:.0f}"
    if ratio < LOWEST_SNR:
        text += ": so noisy that accuracy suffers, grey matter first; average or denoise"
        return Finding("noise", Verdict.WARN, text, values)
    return Finding("noise", Verdict.OK, text, values)


def noise_level(part: "NDArray[np.float32]", tissue: float) -> float | None:
    """Estimate the standard deviation of white noise from differences along all three axes.

    What changes along one axis or two alone, as most of anatomy does, cancels;
    the blocks with the smallest spread count. Coarse voxels hold more anatomy in
    each difference, so the level of a clean scan of 2 mm is some per cent.

    Parameters
    ----------
    part : (A, B, C) float32 array
    tissue : float
        Mean from which on a block counts as tissue.

    Returns
    -------
    float or None
        None where there is no block of tissue.
    """
    sides = np.array(part.shape) - 1
    block = np.minimum(_BLOCK, sides)
    counts = sides // np.maximum(block, 1)
    if block.min() < 1:
        return None
    difference = np.diff(np.diff(np.diff(part, axis=0), axis=1), axis=2) / np.sqrt(8)
    spread = np.median(np.abs(_blocks(difference, counts, block)), axis=1) / 0.6745
    bright = _blocks(part, counts, block).mean(axis=1) > tissue
    return float(np.percentile(spread[bright], _QUIETEST)) if bright.any() else None


def _blocks(
    volume: "NDArray[np.float32]", counts: "NDArray[np.int_]", block: "NDArray[np.int_]"
) -> "NDArray[np.float32]":
    """Make rows of the blocks of a volume; what does not fill a block is left out."""
    (a, b, c), (i, j, k) = counts, block
    whole = volume[: a * i, : b * j, : c * k].reshape(a, i, b, j, c, k)
    return whole.transpose(0, 2, 4, 1, 3, 5).reshape(a * b * c, i * j * k)
