"""Brain extraction: where the brain is, from any network that says what is background."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from ..checking import Finding, Verdict, examine
from ..errors import UsageError
from ..imaging.components import largest_component
from ..imaging.conform import to_conformed
from ..imaging.intensity import z_score
from ..imaging.nifti import Scan, read_t1w
from ..imaging.resample import max_pooled
from ..imaging.rotation import rotated, rotated_back
from ..inference.devices import peak_memory_bytes
from ..outputs.record import run_record, timestamp
from ..presets import LodBrainConfig
from .case import Steps
from .loading import LoadedNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Extraction", "ExtractionOptions", "extract_brain"]

#: Turns about the three axes for --rotate-and-average (nobrainer's; SPEC C.3).
_TURNS = ((0.0, 0.0, 0.0), (np.pi / 4, np.pi / 4, 0.0))

# Between a newborn's brain, cut by the field of view, and more than any head holds.
_SMALLEST_ML, _LARGEST_ML = 150.0, 2600.0

# Of what is found: less than this is sure (p > .9) where there is no brain to be found.
_LEAST_SURE = 0.5
_SURE = 0.9


@dataclass(frozen=True)
class ExtractionOptions:
    """What becomes the mask.

    Parameters
    ----------
    threshold : float
        Probability of brain from which a voxel is in the mask.
    one_piece : bool
        Keep the largest 6-connected piece alone and fill its holes.
    dilate_mm : float
        Grow the mask by so much, in mm.
    rotate_and_average : bool
        Average with the prediction for a turned image: slower.
    samples : int
        Predictions to average, for a network that was loaded to be sampled.
    """

    threshold: float = 0.5
    one_piece: bool = True
    dilate_mm: float = 0.0
    rotate_and_average: bool = False
    samples: int = 1

    def __post_init__(self) -> None:
        """Refuse values that no mask can have.

        Raises
        ------
        UsageError
            Naming the option.
        """
        if not 0 < self.threshold < 1:
            msg = f"threshold must be between 0 and 1; received {self.threshold}"
            raise UsageError(msg)
        if not 0 <= self.dilate_mm <= 50:
            msg = f"dilate_mm must be from 0 to 50 mm; received {self.dilate_mm}"
            raise UsageError(msg)
        if self.samples < 1:
            msg = f"samples must be at least 1; received {self.samples}"
            raise UsageError(msg)


@dataclass(frozen=True, eq=False)
class Extraction:
    """Where the brain is, on the scan's own grid.

    Parameters
    ----------
    scan : Scan
    mask : (X, Y, Z) bool array
        Empty where `doubts` say that there is none.
    probability : (X, Y, Z) float32 array
        Of brain.
    variance : (X, Y, Z) float32 array or None
        Of that probability between samples; None where there was one.
    doubts : tuple of str
        Why the result is not to be trusted; none where it is.
    record : dict
        JSON-ready values.
    """

    scan: Scan
    mask: "NDArray[np.bool_]"
    probability: "NDArray[np.float32]"
    variance: "NDArray[np.float32] | None"
    doubts: tuple[str, ...]
    record: dict[str, Any] = field(repr=False)

    @property
    def brain(self) -> "NDArray[Any]":
        """(X, Y, Z) the scan's intensities under the mask, in its own type where that is exact."""
        stored = self.scan.stored_dtype
        brain = self.scan.data * self.mask
        return brain.astype(stored) if stored.kind in "iu" and stored.itemsize <= 2 else brain

    @property
    def entropy(self) -> "NDArray[np.float32]":
        """(X, Y, Z) entropy of brain or not, in bits: 0 where it is sure, 1 at the border."""
        p = np.clip(self.probability, 1e-6, 1 - 1e-6)
        bits: NDArray[np.float32] = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
        return bits.astype(np.float32)


def extract_brain(
    loaded: LoadedNetwork,
    source: str | Path | Scan,
    options: ExtractionOptions | None = None,
    *,
    frame: int | None = None,
    memory: int | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Extraction:
    """Find the brain in one scan.

    Parameters
    ----------
    loaded : LoadedNetwork
        All structures of its first head together are the brain.
    source : path or Scan
        T1w head.
    options : ExtractionOptions, optional
    frame : int, optional
        Frame of a 4-D image, from 0.
    memory : int, optional
        Bytes of resident memory to stay within.
    on_step : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    Extraction

    Raises
    ------
    InputError
        When the scan is refused.
    ResourceError
        When memory runs out.
    """
    options = options or ExtractionOptions()
    steps, began = Steps(on_step), timestamp()
    with steps("read"):
        scan = source if isinstance(source, Scan) else read_t1w(source, frame)
    with steps("conform"):
        conformed, grid, cut = to_conformed(scan.data, scan.affine)
    with steps("check"):
        findings = examine(scan, conformed, grid, cut)
        image = z_score(conformed, out=conformed)
    turns = _TURNS if options.rotate_and_average else _TURNS[:1]
    with steps("infer"):
        likely, spread = _sampled(loaded, image, turns, memory, options.samples)
    with steps("mask"):
        coarser = grid.coarser(loaded.network.pool)
        probability = coarser.to_native(likely, 0.0)
        variance = coarser.to_native(spread, 0.0) if spread is not None else None
        voxel_mm = scan.voxel_size_mm
        no_head = tuple(f.text for f in findings if f.item == "head" and f.verdict is Verdict.WARN)
        mask, doubts = _mask(probability, options, voxel_mm, no_head)
    volume_ml = float(mask.sum() * abs(np.linalg.det(scan.affine[:3, :3])) / 1000)
    record = run_record(
        scan,
        began,
        **loaded.facts(),
        memory_limit_bytes=memory,
        options={"frame": frame, **vars(options)},
        seconds={name: round(s, 3) for name, s in steps.seconds.items()},
        peak_memory_bytes=peak_memory_bytes(),
        warnings=list(dict.fromkeys([*_warnings(findings), *loaded.warnings(), *doubts])),
        checks={f.item: f.verdict.value for f in findings},
        brain_ml=round(volume_ml, 3),
    )
    return Extraction(scan, mask, probability, variance, doubts, record)


def _sampled(
    loaded: LoadedNetwork,
    image: "NDArray[np.float32]",
    turns: Sequence[tuple[float, float, float]],
    memory: int | None,
    samples: int,
) -> "tuple[NDArray[np.float32], NDArray[np.float32] | None]":
    """Mean and variance of the probability over samples, without keeping them (Welford)."""
    mean = _probability(loaded, image, turns, memory)
    if samples == 1:
        return mean, None
    squares = np.zeros_like(mean)
    for number in range(2, samples + 1):
        drawn = _probability(loaded, image, turns, memory)
        away = drawn - mean
        mean = mean + away / np.float32(number)
        squares += away * (drawn - mean)
    return mean, squares / np.float32(samples)


def _probability(
    loaded: LoadedNetwork,
    image: "NDArray[np.float32]",
    turns: Sequence[tuple[float, float, float]],
    memory: int | None,
) -> "NDArray[np.float32]":
    """Probability of brain on the network's grid, mean over the turns of the image."""
    total: NDArray[np.float32] | None = None
    for turn in turns:
        seen = max_pooled(rotated(image, turn) if any(turn) else image, loaded.network.pool)
        prediction = loaded.engine.predict(seen, only_brain=True, memory_limit=memory)
        likely = _between_voxels(1 - prediction.maps.heads()[0].channel(0), loaded)
        if any(turn):
            likely = rotated_back(likely, turn)
        total = likely if total is None else total + likely
    assert total is not None
    mean: NDArray[np.float32] = total / np.float32(len(turns))
    return mean


def _warnings(findings: Sequence[Finding]) -> list[str]:
    return [finding.text for finding in findings if finding.verdict is Verdict.WARN]


def _between_voxels(likely: "NDArray[np.float32]", loaded: LoadedNetwork) -> "NDArray[np.float32]":
    """Let a network that repeats coarse voxels change smoothly between them."""
    network = loaded.network.config
    if not isinstance(network, LodBrainConfig) or network.downsampling == 1:
        return likely
    smooth: NDArray[np.float32] = ndimage.gaussian_filter(likely, network.downsampling / 2)
    return smooth


def _mask(
    probability: "NDArray[np.float32]",
    options: ExtractionOptions,
    voxel_mm: "NDArray[np.float64]",
    no_head: tuple[str, ...],
) -> "tuple[NDArray[np.bool_], tuple[str, ...]]":
    """Mask of the brain, and why it is not to be trusted."""
    mask = probability >= options.threshold
    if options.one_piece:
        mask = largest_component(mask)
    doubts = no_head or _doubts(probability, mask, float(np.prod(voxel_mm)) / 1000)
    if doubts:
        return np.zeros_like(mask), doubts
    if options.one_piece:
        mask = ndimage.binary_fill_holes(mask)
    if options.dilate_mm:
        away_mm = ndimage.distance_transform_edt(~mask, sampling=voxel_mm)
        mask = away_mm <= options.dilate_mm
    return mask, doubts


def _doubts(
    probability: "NDArray[np.float32]", mask: "NDArray[np.bool_]", voxel_ml: float
) -> tuple[str, ...]:
    found_ml = float(mask.sum()) * voxel_ml
    if not found_ml:
        return ("no brain was found: the mask is empty",)
    if not _SMALLEST_ML <= found_ml <= _LARGEST_ML:
        why = f"has {found_ml:.0f} ml, expected {_SMALLEST_ML:.0f} to {_LARGEST_ML:.0f}"
        return (f"no brain was found: what looks like one {why}; the mask is empty",)
    sure = float(np.mean(probability[mask] > _SURE))
    if sure < _LEAST_SURE:
        why = f"is sure in {sure:.0%} of its voxels only"
        return (f"no brain was found: what looks like one {why}; the mask is empty",)
    return ()
