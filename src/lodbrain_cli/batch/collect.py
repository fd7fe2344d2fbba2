"""Tables of many scans, made afresh from their records alone; nothing is ever appended."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..outputs.report.group import ScanSummary, write_group_page
from ..outputs.report.sections import judgement_of, worst_verdict
from .states import read_record
from .tables import write_table

__all__ = ["Collection", "collect"]

_LARGEST = 2**53  # whole numbers beyond need not fit a float, and are no volumes
_RUN, _FAILED = "_run.json", "_failed.json"
_ENTITIES = {"participant_id": "sub", "session_id": "ses"}
_FAILURE_COLUMNS = (
    *("output", *_ENTITIES, "input", "class", "exit_code", "message"),
    *("ended", "host", "job", "log"),
)
_QUALITY_COLUMNS = ("output", *_ENTITIES, "input", "verdict", "score", "reasons")


@dataclass(frozen=True)
class Collection:
    """What the records in a folder say.

    Parameters
    ----------
    columns : tuple of str
        Of the volumes; structures in the order in which they first occur.
    volumes : list of dict
        A row per scan with results, by the path of its labels.
    failures : list of dict
        A row per scan whose last try failed.
    judged : list of dict
        A row per result that has a verdict, the lowest score first.
    scans : list of ScanSummary
        All of them, for the page.
    """

    columns: tuple[str, ...]
    volumes: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    judged: list[dict[str, Any]]
    scans: list[ScanSummary]

    def write(self, folder: Path) -> list[Path]:
        """Write ``volumes.tsv``, ``quality.tsv`` and ``failed.tsv``, each whole, also when empty.

        Raises
        ------
        OutputError
            When one cannot be written.
        """
        marks = dict.fromkeys(name for row in self.judged for name in row)
        judged = tuple(dict.fromkeys((*_QUALITY_COLUMNS, *marks)))
        tables = {
            "volumes.tsv": (self.columns, self.volumes),
            "quality.tsv": (judged, self.judged),
            "failed.tsv": (_FAILURE_COLUMNS, self.failures),
        }
        for name, (columns, rows) in tables.items():
            write_table(folder / name, columns, rows)
        return [folder / name for name in tables]

    def write_page(self, folder: Path) -> Path:
        """Write ``report.html``, the page of all scans, with links to the reports of each.

        Raises
        ------
        UsageError
            When the extra ``report`` is not installed.
        OutputError
            When it cannot be written.
        """
        page = folder / "report.html"
        write_group_page(page, self.scans)
        return page


def collect(folder: Path) -> Collection:
    """Read all records below a folder.

    Parameters
    ----------
    folder : Path
        Where results went.

    Raises
    ------
    InputError
        When it is no folder, or holds no record.
    """
    if not folder.is_dir():
        msg = f"{folder}: no such folder; name the one with the results"
        raise InputError(msg)
    volumes, failures, judged, scans = [], [], [], []
    structures: dict[str, None] = {}
    for stem, run, failure in _records(folder):
        place = stem.relative_to(folder)
        if failure is not None and (run is None or _ended(failure) > _ended(run)):
            failures.append(_failure_row(place, failure))
            reason = str(_of(failure, "error").get("message", ""))
            scans.append(ScanSummary(_short(place), {}, "failed", (reason,)))
        elif run is not None:
            row = _volume_row(place, run)
            structures |= dict.fromkeys(_structures(run))
            volumes.append(row)
            judged += _quality_rows(row, run)
            scans.append(_summary(_short(place), stem, run))
    if not volumes and not failures:
        msg = f"{folder}: no records of lodbrain below this folder; name the one with the results"
        raise InputError(msg)
    columns = (
        *("output", *_ENTITIES, "input", *structures),
        *("volumes_grid", "preset", "level", "weights_sha256", "options_hash", "lodbrain"),
        *("seconds", "peak_memory_bytes", "warnings"),
    )
    judged.sort(key=lambda row: (row["score"], str(row["output"])))
    return Collection(columns, volumes, failures, judged, scans)


def _records(folder: Path) -> Iterator[tuple[Path, dict[str, Any] | None, dict[str, Any] | None]]:
    """Yield the path of each scan's results without its ending, with its records, sorted."""
    stems: set[Path] = set()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            for ending in (_RUN, _FAILED):
                if name.endswith(ending) and not name.startswith("."):
                    stems.add(Path(place, name.removesuffix(ending)))
    for stem in sorted(stems):
        run = read_record(stem.with_name(stem.name + _RUN))
        failure = read_record(stem.with_name(stem.name + _FAILED))
        run = run if run is not None and isinstance(run.get("volumes_mm3"), dict) else None
        failure = failure if failure is not None and "error" in failure else None
        if run is not None or failure is not None:
            yield stem, run, failure


def _ended(record: dict[str, Any]) -> str:
    return str(record.get("ended", ""))  # ISO 8601 in UTC: text sorts as time


def _volume_row(place: Path, record: dict[str, Any]) -> dict[str, Any]:
    labels = str(_of(record, "outputs").get("labels", ""))
    return {
        "output": place.with_name(Path(labels).name or place.name),
        **_entities(place),
        "input": _of(record, "input").get("path"),
        **_structures(record),
        **{k: record.get(k) for k in ("volumes_grid", "preset", "level")},
        "weights_sha256": _of(record, "weights").get("sha256"),
        **{k: record.get(k) for k in ("options_hash", "lodbrain", "peak_memory_bytes")},
        "seconds": _total(record),
        "warnings": "; ".join(str(text) for text in record.get("warnings") or ()),
    }


def _quality_rows(volumes: dict[str, Any], record: dict[str, Any]) -> list[dict[str, Any]]:
    """Row of the verdict on a result with the mark of each item, where there is one."""
    quality = _of(record, "quality")
    score = quality.get("score")
    if not isinstance(score, int | float):
        return []
    items = _of(quality, "items").items()
    marks = {f"mark: {name}": item.get("mark") for name, item in items if isinstance(item, dict)}
    row = {
        **{column: volumes[column] for column in ("output", *_ENTITIES, "input")},
        "verdict": quality.get("verdict"),
        "score": score,
        "reasons": "; ".join(str(text) for text in quality.get("reasons") or ()),
    }
    return [{**row, **marks}]


def _failure_row(place: Path, record: dict[str, Any]) -> dict[str, Any]:
    error = _of(record, "error")
    log = Path(str(record.get("log") or "")).name
    return {
        "output": place,
        **_entities(place),
        "input": _of(record, "input").get("path"),
        **{k: error.get(k) for k in ("class", "exit_code", "message")},
        **{k: record.get(k) for k in ("ended", "host", "job")},
        "log": place.with_name(log) if log else None,
    }


def _short(place: Path) -> str:
    """Path of a scan's results without the ending that all of them share."""
    return re.sub(r"_seg-[^_/]+_dseg$", "", str(place))


def _summary(name: str, stem: Path, record: dict[str, Any]) -> ScanSummary:
    volumes = {
        str(structure): volume / 1000
        for structure, volume in record["volumes_mm3"].items()
        if isinstance(volume, int | float) and abs(volume) < _LARGEST
    }
    judged = [judgement_of(record, kind) for kind in ("quality", "checks")]
    said = [each for each in judged if each is not None]
    reasons = dict.fromkeys(reason for each in said for reason in each.reasons)
    return ScanSummary(
        name,
        volumes,
        worst_verdict(each.verdict for each in said),
        tuple(reasons),
        _report_of(stem, record),
    )


def _report_of(stem: Path, record: dict[str, Any]) -> Path | None:
    """Find the page of a scan: beside its record, for folders are moved, or where it was put."""
    written = _of(record, "outputs").get("report")
    if not isinstance(written, str):
        return None
    places = (stem.with_name(Path(written).name), Path(written))
    return next((place for place in places if place.is_file()), None)


def _structures(record: dict[str, Any]) -> dict[str, str]:
    """Volumes by column: ``Basal ganglia`` → ``basal_ganglia_mm3``."""
    return {
        f"{re.sub(r'[^a-z0-9]+', '_', name.lower())}_mm3": f"{volume:.3f}"
        for name, volume in record["volumes_mm3"].items()
        if isinstance(volume, float) or (isinstance(volume, int) and abs(volume) < _LARGEST)
    }


def _entities(place: Path) -> dict[str, str | None]:
    """``sub-`` and ``ses-`` of the file's name, with them, as participants.tsv has them."""
    found = {}
    for column, entity in _ENTITIES.items():
        match = re.search(rf"(?:^|_)({entity}-[A-Za-z0-9]+)(?=_|$)", place.name)
        found[column] = match[1] if match else None
    return found


def _total(record: dict[str, Any]) -> str | None:
    seconds = _of(record, "seconds").values()
    return f"{sum(s for s in seconds if isinstance(s, int | float)):.2f}" if seconds else None


def _of(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}
