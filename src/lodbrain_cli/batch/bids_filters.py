"""Which scans of a BIDS dataset are asked for, as people write it: labels, filters, a file."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import UsageError

__all__ = ["read_filter_file", "read_filters", "read_labels"]

_LABEL = re.compile(r"[A-Za-z0-9+]+")
#: Entities of T1w files, and what filter files call them.
_ENTITIES = {
    "subject": "sub",
    "session": "ses",
    "task": "task",
    "acquisition": "acq",
    "ceagent": "ce",
    "reconstruction": "rec",
    "run": "run",
    "echo": "echo",
    "part": "part",
    "chunk": "chunk",
}
# Of filter files alone: facts of a file that are none of its entities.
_FACTS = ("datatype", "suffix", "extension")
_ABSENT = (None, "", "Query.NONE")
_PRESENT = ("*", "Query.ANY")
_EITHER = "Query.OPTIONAL"

Filters = dict[str, frozenset[str | None]]


def read_labels(texts: Iterable[str], prefix: str) -> frozenset[str] | None:
    """Read labels of participants or sessions, with commas or without; None for none.

    Parameters
    ----------
    texts : iterable of str
    prefix : {"sub", "ses"}
        May stand before each.

    Raises
    ------
    UsageError
        When one is no label.
    """
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    labels = [name.removeprefix(f"{prefix}-") for name in names]
    for name, label in zip(names, labels, strict=True):
        if not _LABEL.fullmatch(label):
            msg = f"{name!r} is no label; expected letters and digits, such as {prefix}-01 or 01"
            raise UsageError(msg)
    return frozenset(labels) if labels else None


def read_filters(texts: Iterable[str]) -> Filters:
    """Read ``ENTITY=VALUE[,VALUE...]``; without a value: names that lack the entity.

    Raises
    ------
    UsageError
        When one is written otherwise, or names no entity of a T1w file.
    """
    filters: Filters = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            msg = f"--filter {text}: expected ENTITY=VALUE, such as run=1 or acq=mprage,mp2rage"
            raise UsageError(msg)
        entity = _entity(name.strip(), f"--filter {text}")
        named = [value.strip().removeprefix(f"{entity}-") for value in values.split(",")]
        wanted = _values(named, f"--filter {text}")
        if wanted is not None:
            filters[entity] = wanted
    return filters


def read_filter_file(path: Path) -> Filters:
    """Read what a filter file of BIDS Apps (JSON, as PyBIDS queries) asks of T1w scans.

    Parameters
    ----------
    path : Path
        An object; of its keys ``t1w`` is read, which other programs read too.

    Raises
    ------
    UsageError
        When it cannot be read, has no ``t1w``, or a filter is not known.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path}: cannot be read as a filter file ({error})"
        raise UsageError(msg) from error
    asked = found.get("t1w") if isinstance(found, dict) else None
    if not isinstance(asked, dict):
        msg = f'{path}: expected filters of T1w scans, such as {{"t1w": {{"run": 1}}}}'
        raise UsageError(msg)
    filters: Filters = {}
    for name, value in asked.items():
        where = f"{path}: t1w: {name}"
        values = _values(value if isinstance(value, list) else [value], where)
        if values is not None:
            filters[name if name in _FACTS else _entity(name, where)] = values
    return filters


def _entity(name: str, where: str) -> str:
    short = _ENTITIES.get(name, name)
    if short not in _ENTITIES.values():
        names = ", ".join(_ENTITIES.values())
        msg = f"{where}: no entity of a T1w scan; expected one of {names}"
        raise UsageError(msg)
    return short


def _values(values: list[Any], where: str) -> frozenset[str | None] | None:
    """Give the values that are taken; None for any and none alike."""
    wanted: set[str | None] = set()
    for value in values:
        if value == _EITHER:
            return None
        if value in _ABSENT:
            wanted.add(None)
        elif value in _PRESENT:
            wanted.add("*")
        elif isinstance(value, str) or type(value) is int:
            wanted.add(str(value))
        else:
            msg = f"{where}: got {json.dumps(value)}; expected text, a number, null or a list"
            raise UsageError(msg)
    return frozenset(wanted)
