"""BIDS datasets: what describes them, and which of their T1w scans are asked for.

Folders and file names say all that is needed, so nothing is indexed but those.
"""

import json
import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError

__all__ = [
    "BidsScan",
    "Selection",
    "find_t1w",
    "read_description",
    "say_dangling",
    "t1w_files",
]

_log = logging.getLogger(__name__)

_DESCRIPTION = "dataset_description.json"
_EXTENSIONS = (".nii.gz", ".nii")
_NAME = re.compile(r"((?:[a-z]+-[A-Za-z0-9+]+_)+)T1w(\.nii(?:\.gz)?)")
# Images that hold no magnitudes look like no head.
_NO_MAGNITUDE = {"phase", "real", "imag"}
_SHOWN = 5


@dataclass(frozen=True)
class BidsScan:
    """A T1w scan of a raw dataset.

    Parameters
    ----------
    path : Path
    below : str
        Path below the dataset's folder, with slashes.
    entities : mapping of str to str
        Of the file's name, such as ``{"sub": "01", "run": "2"}``; and
        ``datatype``, ``suffix`` and ``extension``.
    """

    path: Path
    below: str
    entities: Mapping[str, str] = field(hash=False)

    @property
    def order(self) -> tuple[Any, ...]:
        """How scans of a session come: with a contrast agent later, runs by number."""
        parts = re.split(r"(\d+)", self.path.name)
        natural = tuple((int(p), "") if p.isdigit() else (-1, p) for p in parts)
        return ("ce" in self.entities, natural)


@dataclass(frozen=True)
class Selection:
    """Which scans are asked for; None is all.

    Parameters
    ----------
    participants, sessions : collection of str or None
        Labels, without ``sub-`` and ``ses-``.
    entities : mapping of str to collection of (str or None)
        Entity to the values that are taken: None where a name does not have
        the entity, ``*`` where it does.
    one_per_session : bool
        Take the first of each session alone, by :attr:`BidsScan.order`.
    """

    participants: Collection[str] | None = None
    sessions: Collection[str] | None = None
    entities: Mapping[str, Collection[str | None]] = field(default_factory=dict)
    one_per_session: bool = False

    def takes(self, scan: BidsScan) -> bool:
        """Whether a scan is asked for, but for `one_per_session`.

        Without a filter on ``part``, phase, real and imaginary parts are not.
        """
        found = scan.entities
        if self.sessions is not None and found.get("ses") not in self.sessions:
            return False
        if "part" not in self.entities and found.get("part") in _NO_MAGNITUDE:
            return False
        return all(_fits(found.get(name), wanted) for name, wanted in self.entities.items())


def _fits(value: str | None, wanted: Collection[str | None]) -> bool:
    if value is None:
        return None in wanted
    same = {value, "*"}
    if value.isdigit():  # run-1 and run-01 are one index
        return any(w in same or (w is not None and _number(w) == int(value)) for w in wanted)
    return any(w in same for w in wanted)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def read_description(folder: Path) -> dict[str, Any]:
    """Read ``dataset_description.json`` of a raw BIDS dataset.

    Raises
    ------
    InputError
        When there is none, it is damaged, lacks what BIDS requires, or is that of
        a derivative dataset.
    """
    path = folder / _DESCRIPTION
    if not folder.is_dir():
        msg = f"{folder}: no such folder; name that of a BIDS dataset"
        raise InputError(msg)
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        msg = (
            f"{folder}: is no BIDS dataset, for it has no {_DESCRIPTION}; name the folder that "
            "has one, use --skip-bids-validation, or for any folder 'lodbrain segment'"
        )
        raise InputError(msg) from error
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path}: cannot be read as JSON ({error}); mend it, or use --skip-bids-validation"
        raise InputError(msg) from error
    needed = ("Name", "BIDSVersion")
    facts = found if isinstance(found, dict) else {}
    missing = [name for name in needed if not isinstance(facts.get(name), str)]
    if missing:
        msg = f"{path}: lacks {' and '.join(missing)}; add it, or use --skip-bids-validation"
        raise InputError(msg)
    if facts.get("DatasetType", "raw") != "raw":
        msg = (
            f"{folder}: is a dataset of type {facts['DatasetType']!r}, expected a raw one; "
            "segment other scans with 'lodbrain segment' or 'lodbrain plan'"
        )
        raise InputError(msg)
    return facts


def t1w_files(folder: Path, participants: Collection[str] | None = None) -> Iterator[Path]:
    """Yield T1w files of a dataset's subjects, sorted; not what else lies beside the raw scans.

    Links that lead nowhere are left out, and said.

    Parameters
    ----------
    folder : Path
    participants : collection of str, optional
        Labels; the folders of others are not entered.
    """
    found: list[Path] = []
    for subject in _folders(folder, "sub-"):
        if participants is None or subject.name.removeprefix("sub-") in participants:
            for parent in (subject, *_folders(subject, "ses-")):
                found += _t1w_in(parent / "anat")
    for path in sorted(found):
        if path.is_file():
            yield path
        else:
            say_dangling(path)


def _t1w_in(folder: Path) -> list[Path]:
    try:
        paths = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        _log.warning("%s: left out (%s)", folder, error.strerror)
        return []
    endings = tuple(f"_T1w{extension}" for extension in _EXTENSIONS)
    return [path for path in paths if path.name.endswith(endings)]


def _folders(folder: Path, prefix: str) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / e.name for e in entries if e.name.startswith(prefix) and e.is_dir()]
    except OSError as error:
        _log.warning("%s: left out (%s)", folder, error.strerror)
        return []


def say_dangling(path: Path) -> None:
    """Log that a link leads nowhere, as those of files that DataLad has not fetched."""
    _log.warning("%s: left out (a link that leads nowhere; not fetched yet?)", path)


def find_t1w(folder: Path, selection: Selection) -> list[BidsScan]:
    """Find the T1w scans that are asked for, sorted by path.

    Files whose names are not BIDS names of their folder are left out, and said.

    Parameters
    ----------
    folder : Path
        Of a raw dataset.
    selection : Selection

    Raises
    ------
    InputError
        When a participant that is asked for is not there, or nothing is found.
    """
    wanted = None if selection.participants is None else set(selection.participants)
    _refuse_unknown(folder, wanted or set())
    scans = [_scan(path, folder) for path in t1w_files(folder, wanted)]
    taken = [scan for scan in scans if scan is not None and selection.takes(scan)]
    if selection.one_per_session:
        first: dict[tuple[str, str | None], BidsScan] = {}
        for scan in sorted(taken, key=lambda scan: scan.order):
            first.setdefault((scan.entities["sub"], scan.entities.get("ses")), scan)
        taken = sorted(first.values(), key=lambda scan: scan.path)
    if not taken:
        msg = f"{folder}: no T1w scan that is asked for (sub-*/[ses-*/]anat/*_T1w.nii[.gz])"
        if any(scan is not None for scan in scans):
            msg += f"; {len(scans)} there are, but none fits the filters"
        raise InputError(msg)
    for label in sorted((wanted or set()) - {scan.entities["sub"] for scan in taken}):
        _log.warning("sub-%s: has no T1w scan that is asked for", label)
    return taken


def _refuse_unknown(folder: Path, wanted: set[str]) -> None:
    there = sorted(path.name for path in _folders(folder, "sub-"))
    unknown = sorted(wanted - {name.removeprefix("sub-") for name in there})
    if unknown:
        some = ", ".join(there[:_SHOWN]) + (", ..." if len(there) > _SHOWN else "")
        msg = (
            f"{folder}: no participant {', '.join(f'sub-{label}' for label in unknown)}; "
            f"there are {len(there)}{': ' if there else ''}{some}"
        )
        raise InputError(msg)


def _scan(path: Path, folder: Path) -> BidsScan | None:
    """Read a file's name; None where it is not that of its folder."""
    match = _NAME.fullmatch(path.name)
    below = path.relative_to(folder)
    if match is not None:
        pairs = [part.split("-", 1) for part in match[1].rstrip("_").split("_")]
        folders = [part.split("-", 1) for part in below.parts[:-2]]
        if len({name for name, _ in pairs}) == len(pairs) and pairs[: len(folders)] == folders:
            named = {str(name): value for name, value in pairs}
            if len(folders) == 2 or "ses" not in named:
                facts = {"datatype": "anat", "suffix": "T1w", "extension": match[2]}
                return BidsScan(path, below.as_posix(), {**named, **facts})
    _log.warning("%s: left out (no BIDS name for a file in this folder)", path)
    return None
