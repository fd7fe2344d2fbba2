"""What is written down of a run: its options, who was on which side, each start of it."""

import csv
import io
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import UsageError
from ..files import write_text
from ..outputs.record import timestamp, versions
from .config import TrainingConfig
from .dataset import Pair
from .state import Progress

if TYPE_CHECKING:
    from ..inference.keras_backend import Backend

__all__ = ["add_start", "changed_options", "check_sides", "keep_sides", "read_sides", "write_facts"]

_CONFIG, _SPLIT, _STARTS = "config.yaml", "split.tsv", "starts.tsv"


def read_sides(folder: Path) -> dict[str, str]:
    """Read who is trained on and who is held out in the run that is in a folder.

    Parameters
    ----------
    folder : Path
        Of the run.

    Returns
    -------
    dict of str to str
        "train" or "validation" by person; empty where there is no run to go on.

    Raises
    ------
    UsageError
        When the split cannot be read.
    """
    path = folder / _SPLIT
    if not (folder / "state.h5").is_file() or not path.is_file():
        return {}
    try:
        rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), delimiter="\t")
        return {row["subject"]: row["set"] for row in rows}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        msg = f"{path}: cannot be read as the split of the run in its folder; use another folder"
        raise UsageError(msg) from error


def keep_sides(pairs: Sequence[Pair], earlier: Mapping[str, str]) -> tuple[Pair, ...]:
    """Leave people on their side of a run that goes on, where no table decides for anybody.

    Parameters
    ----------
    pairs : sequence of Pair
    earlier : mapping of str to str
        Of :func:`read_sides`.

    Returns
    -------
    tuple of Pair
        Without a side for those who are new.
    """
    if any(pair.set for pair in pairs):
        return tuple(pairs)
    sides: Mapping[str, Any] = earlier
    return tuple(replace(pair, set=sides.get(pair.subject, "")) for pair in pairs)


def check_sides(
    folder: Path, earlier: Mapping[str, str], sides: Mapping[str, Sequence[Pair]]
) -> None:
    """Refuse to go on with somebody on the other side; that some are new is fine.

    Parameters
    ----------
    folder : Path
        Of the run.
    earlier : mapping of str to str
        Of :func:`read_sides`.
    sides : mapping of str to sequence of Pair
        What is now in "train" and in "validation".

    Raises
    ------
    UsageError
        Naming the first person who changed sides.
    """
    for side, pairs in sides.items():
        for pair in pairs:
            before = earlier.get(pair.subject, side)
            if before != side:
                msg = (
                    f"{folder}: {pair.subject} is in {side} now, but was in {before} when the run "
                    "in this folder began; put them back, or use another folder"
                )
                raise UsageError(msg)


def changed_options(folder: Path, config: TrainingConfig) -> tuple[str, ...]:
    """Names of the options that differ from those that a folder's run had before.

    Returns
    -------
    tuple of str
        Such as ``stages.coarse.learning_rate``; none where nothing is known.
    """
    try:
        before = dict(_named(yaml.safe_load((folder / _CONFIG).read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return ()
    now = dict(_named(config.model_dump(mode="json")))
    names = list(dict.fromkeys([*before, *now]))
    return tuple(n for n in names if n not in before or n not in now or before[n] != now[n])


def _named(options: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every single option with its name; stages go by theirs."""
    if isinstance(options, list) and options and all(isinstance(o, dict) for o in options):
        options = {str(o.get("name", number)): o for number, o in enumerate(options)}
    if not isinstance(options, dict):
        yield place, options
        return
    for name, value in options.items():
        yield from _named(value, f"{place}.{name}" if place else str(name))


def write_facts(
    folder: Path, config: TrainingConfig, sides: Mapping[str, Sequence[Pair]], data_folder: Path
) -> None:
    """Save all options, defaults included, and who is on which side with which files.

    Parameters
    ----------
    folder : Path
        Of the run.
    config : TrainingConfig
        Its table, if it has one, by a path that holds from anywhere.
    sides : mapping of str to sequence of Pair
        What is in "train" and in "validation".
    data_folder : Path
        What paths are written relative to, where they are inside it.

    Raises
    ------
    OutputError
        When they cannot be written.
    """
    options = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    write_text(folder / _CONFIG, options)
    rows = [
        (side, p.subject, _shown(p.labels, data_folder), _shown(p.image, data_folder), p.label_map)
        for side, pairs in sides.items()
        for p in pairs
    ]
    header = ("set", "subject", "labels", "image", "label_map")
    write_text(folder / _SPLIT, _lines([header, *rows]))


def add_start(folder: Path, progress: Progress, backend: "Backend") -> None:
    """Add a line on where, with what and by which command a run began or went on.

    Parameters
    ----------
    folder : Path
        Of the run.
    progress : Progress
        At the start.
    backend : Backend
        Keras as it was started.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    software = versions()
    facts = {
        "began": timestamp(),
        "stage": progress.stage,
        "step": progress.step,
        "lodbrain": software["lodbrain"],
        "keras": backend.keras_version,
        "backend": f"{backend.name} {backend.version}",
        "device": backend.device,
        "threads": backend.threads,
        "python": software["python"],
        "system": software["system"],
        "command": shlex.join(sys.argv),
    }
    path = folder / _STARTS
    earlier = (
        path.read_text(encoding="utf-8", errors="replace") if path.is_file() else _lines([facts])
    )
    write_text(path, earlier + _lines([facts.values()]))


def _shown(path: Path | None, folder: Path) -> str:
    """Path below a folder, else absolute; nothing for none. Links are left as they are."""
    if path is None:
        return ""
    path, folder = path.absolute(), folder.absolute()
    below = path.relative_to(folder) if path.is_relative_to(folder) else path
    return (path if ".." in below.parts else below).as_posix()


def _lines(rows: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    # File names need not be text, the table is.
    return text.getvalue().encode("utf-8", "backslashreplace").decode("utf-8")
