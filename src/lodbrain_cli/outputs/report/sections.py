"""What a page says of a result, as plain rows, from its run record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..display import Display

__all__ = [
    "Judgement",
    "StructureRow",
    "judgement_of",
    "run_rows",
    "seconds_rows",
    "volume_rows",
    "worst_verdict",
]

_WORST_FIRST = ("refuse", "fail", "warn", "unknown", "ok", "pass")


@dataclass(frozen=True)
class Judgement:
    """What was said of a scan or of its result.

    Parameters
    ----------
    verdict : str
    reasons : tuple of str
        Lines.
    items : tuple of (str, str)
        What was looked at, and the verdict on it, the worst first.
    score : float or None
        100 is well, 0 worthless.
    marks : tuple of (str, str, str)
        What a result was judged by: name, mark, and what was found; the lowest first.
    """

    verdict: str
    reasons: tuple[str, ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    score: float | None = None
    marks: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class StructureRow:
    """A structure in the table of volumes.

    Parameters
    ----------
    name, color : str
    volumes_ml : tuple of float
        By each overlay; NaN where it has no such structure.
    share : float
        Of the largest volume in the table, 0 to 1, by the first overlay.
    """

    name: str
    color: str
    volumes_ml: tuple[float, ...]
    share: float


def judgement_of(record: Mapping[str, Any], name: str) -> Judgement | None:
    """Read ``checks`` (of the scan) or ``quality`` (of the result) of a record; None without.

    ``checks`` maps items to verdicts. ``quality`` holds ``verdict``, ``reasons``, ``score``
    and ``items`` (of :meth:`lodbrain_cli.quality.Quality.as_dict`), or a part of these.
    """
    found = record.get(name)
    if not isinstance(found, Mapping) or not found:
        return None
    if name == "checks":
        items = sorted(((str(k), str(v)) for k, v in found.items()), key=lambda x: _rank(x[1]))
        reasons = _own_warnings(record)
        worst = items[0][1]
        return Judgement("ok" if worst == "unknown" else worst, reasons, tuple(items))
    score = found.get("score")
    return Judgement(
        str(found.get("verdict", "unknown")),
        tuple(str(text) for text in found.get("reasons") or ()),
        score=float(score) if isinstance(score, int | float) else None,
        marks=_marks(_of(found, "items")),
    )


def _own_warnings(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Warnings of a record without the verdict's, which ends with the first of its reasons."""
    warnings = (str(text) for text in record.get("warnings") or ())
    reasons = _of(record, "quality").get("reasons")
    told = f": {reasons[0]}" if isinstance(reasons, list) and reasons else None
    return tuple(w for w in warnings if told is None or not w.endswith(told))


def _marks(items: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Name, mark and text of each item, the lowest mark first."""
    rows = []
    for name in items:
        item = _of(items, name)
        mark = item.get("mark")
        height = float(mark) if isinstance(mark, int | float) else np.inf
        shown = f"{height:.0f}" if np.isfinite(height) else "n/a"
        rows.append((height, (str(name), shown, str(item.get("text", "")))))
    return tuple(row for _, row in sorted(rows, key=lambda row: row[0]))


def worst_verdict(verdicts: Iterable[str]) -> str:
    """Worst of several verdicts; ``ok`` of none."""
    return min(verdicts, key=_rank, default="ok")


def _rank(verdict: str) -> int:
    return _WORST_FIRST.index(verdict) if verdict in _WORST_FIRST else 0


def volume_rows(display: Display) -> list[StructureRow]:
    """Volumes of the structures by each overlay, in ml: labelled voxels times their volume."""
    voxel_ml = abs(float(np.linalg.det(display.affine[:3, :3]))) / 1000
    by_name = []
    for overlay in display.overlays:
        counts = np.bincount(overlay.labels.ravel(), minlength=overlay.label_set.num_classes)
        by_name.append({x.name: counts[x.index] * voxel_ml for x in overlay.label_set.structures})
    first = display.overlays[0]
    largest = max(by_name[0].values(), default=0.0) or 1.0
    return [
        StructureRow(
            x.name,
            color,
            tuple(float(volumes.get(x.name, np.nan)) for volumes in by_name),
            float(by_name[0][x.name] / largest),
        )
        for x, color in zip(first.label_set.structures, first.colors, strict=True)
    ]


def run_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say what was run on what, as terms and descriptions; only what the record knows."""
    source = _of(record, "input")
    weights, finder = _of(record, "weights"), _of(record, "finder_weights")
    options = _of(record, "options")
    command = record.get("command")
    rows = [
        ("Scan", source.get("path")),
        ("Scan, SHA-256", source.get("sha256")),
        ("Voxels", _times(source.get("shape"))),
        ("Voxel size", _times(source.get("voxel_size_mm"), " mm")),
        ("lodbrain", record.get("lodbrain")),
        ("Preset", _joined([record.get("preset"), record.get("level")])),
        ("Weights", weights.get("file")),
        ("Weights, SHA-256", weights.get("sha256")),
        ("Weights that find the brain, SHA-256", finder.get("sha256")),
        ("Engine", _joined([record.get("engine"), record.get("device"), _threads(record)])),
        ("Options", _joined(f"{k}: {v}" for k, v in options.items() if v is not None)),
        ("Command", " ".join(map(str, command)) if isinstance(command, list) else None),
        ("Begun", record.get("began")),
        ("Machine", _joined([record.get("host"), record.get("job")])),
        ("Peak memory", _gibibytes(record.get("peak_memory_bytes"))),
        ("Versions", _joined(f"{k} {v}" for k, v in _of(record, "versions").items())),
    ]
    return [(term, str(text)) for term, text in rows if text not in (None, "")]


def seconds_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How long each step took, and all of them."""
    steps = {k: v for k, v in _of(record, "seconds").items() if isinstance(v, int | float)}
    if not steps:
        return []
    return [*((k, f"{v:.2f} s") for k, v in steps.items()), ("all", f"{sum(steps.values()):.2f} s")]


def _of(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _times(values: Any, unit: str = "") -> str | None:
    return " × ".join(f"{v:g}" for v in values) + unit if isinstance(values, list) else None


def _joined(parts: Iterable[Any]) -> str:
    return ", ".join(str(part) for part in parts if part)


def _threads(record: Mapping[str, Any]) -> str | None:
    threads = record.get("threads")
    return f"{threads} threads" if threads else None


def _gibibytes(count: Any) -> str | None:
    return f"{count / 2**30:.2f} GiB" if isinstance(count, int | float) else None
