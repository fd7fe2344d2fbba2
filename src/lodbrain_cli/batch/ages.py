"""Ages of a BIDS dataset's people, for the verdict on their results."""

import json
import logging
import math
import re
from pathlib import Path

from ..errors import InputError
from .tables import read_table

__all__ = ["OLDEST", "Ages", "read_age"]

_log = logging.getLogger(__name__)

#: Years; what is more is a mistake.
OLDEST = 130.0
_IN_A_YEAR = {"year": 1.0, "month": 12.0, "week": 365.25 / 7, "day": 365.25}
_ENTITY = re.compile(r"(sub|ses)-([A-Za-z0-9+]+)_")


def read_age(text: str) -> float | None:
    """Read years; those of the oldest may stand as ``89+``.

    Parameters
    ----------
    text : str

    Returns
    -------
    float or None
        None where it is no number from 0 to :data:`OLDEST`.
    """
    try:
        age = float(text.strip().removesuffix("+"))
    except ValueError:
        return None
    return age if math.isfinite(age) and 0 <= age <= OLDEST else None


class Ages:
    """What ``participants.tsv`` and each participant's ``_sessions.tsv`` say.

    A session's own age goes before that of the participant. Tables that are not
    there or cannot be read say nothing; the latter is logged.

    Parameters
    ----------
    folder : Path
        Of a raw dataset.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._of_participants = _ages(folder / "participants.tsv", "participant_id", "sub-")
        self._of_sessions: dict[str, dict[str, float]] = {}

    def of(self, name: str) -> float | None:
        """Years of the person of a scan, or None where it is not known.

        Parameters
        ----------
        name : str
            Of the file, with its BIDS entities.
        """
        entities = {str(entity): str(label) for entity, label in _ENTITY.findall(name)}
        subject, session = entities.get("sub"), entities.get("ses")
        if subject is None:
            return None
        known = self._of_participants.get(subject)
        return known if session is None else self._sessions(subject).get(session, known)

    def _sessions(self, subject: str) -> dict[str, float]:
        if subject not in self._of_sessions:
            path = self._folder / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
            self._of_sessions[subject] = _ages(path, "session_id", "ses-")
        return self._of_sessions[subject]


def _ages(path: Path, key: str, prefix: str) -> dict[str, float]:
    """Read label to years from one table."""
    if not path.is_file():
        return {}
    try:
        rows = read_table(path, (key,))
    except InputError as error:
        _log.warning("ages are not known: %s", error)
        return {}
    in_a_year = _units(path.with_suffix(".json"))
    ages = {}
    for row in rows:
        if key not in row or "age" not in row:
            continue
        age = read_age(row["age"]) if in_a_year == 1 else _scaled(row["age"], in_a_year)
        if age is None:
            _log.warning("%s: age %r of %s is not known", path, row["age"], row[key])
        else:
            ages[row[key].removeprefix(prefix)] = age
    return ages


def _scaled(text: str, in_a_year: float | None) -> float | None:
    try:
        return None if in_a_year is None else read_age(str(float(text) / in_a_year))
    except ValueError:
        return None


def _units(path: Path) -> float | None:
    """How many of the units of the column ``age`` make a year; None for units unheard of."""
    try:
        units = json.loads(path.read_text(encoding="utf-8-sig"))["age"]["Units"]
        name = str(units).strip().lower().removesuffix("s")
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return 1.0  # BIDS: years where nothing else is said
    return 1.0 if name in ("y", "yr", "a") else _IN_A_YEAR.get(name)
