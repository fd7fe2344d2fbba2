"""Which prediction belongs to which reference."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError, UsageError
from ..imaging.names import IMAGE_EXTENSIONS, without_extension

__all__ = ["LabelPair", "Pairing", "pair_files"]

_ENTITIES = ("sub", "ses", "run")
_ENTITY = re.compile(r"(?:^|_)(sub|ses|run)-([A-Za-z0-9]+)")
# What the names of label images end with, apart from the extension.
_SUFFIX = re.compile(r"(?:_seg-[A-Za-z0-9]+)?_(?:dseg|seg|labels|aseg|aparc\+aseg)$")
# What stands beside label images and is none.
_OTHER = re.compile(r"_(?:T1w|T2w|T1|T2|FLAIR|probseg|mask)$")


@dataclass(frozen=True)
class LabelPair:
    """A prediction and its reference.

    Parameters
    ----------
    name : str
        What they have in common: BIDS entities, else the part of the names.
    prediction, reference : Path
    """

    name: str
    prediction: Path
    reference: Path


@dataclass(frozen=True)
class Pairing:
    """Pairs, and what found no partner.

    Parameters
    ----------
    pairs : tuple of LabelPair
        By name.
    lone_predictions, lone_references : tuple of Path
    ambiguous : mapping of str to tuple of Path
        Names that several files of one side bear, with all their files.
    """

    pairs: tuple[LabelPair, ...]
    lone_predictions: tuple[Path, ...] = ()
    lone_references: tuple[Path, ...] = ()
    ambiguous: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


def pair_files(
    prediction: Path,
    reference: Path,
    prediction_pattern: str | None = None,
    reference_pattern: str | None = None,
) -> Pairing:
    """Match predictions and references: two files, or two folders.

    Of a folder and all below it, label images are the files named ``*_dseg`` if
    there are any; else those named ``*_seg``, ``*_labels``, ``*_aseg`` or
    ``*_aparc+aseg``; else all images but scans, masks and probabilities. Two
    files belong together when their BIDS entities ``sub-``, ``ses-`` and
    ``run-`` are equal (in the name, else in the folders' names); without a
    ``sub-``, when what is left of their paths without those endings is.

    Parameters
    ----------
    prediction, reference : Path
    prediction_pattern, reference_pattern : str, optional
        What the names must be, or, with a ``/``, the paths below the folder; a
        star stands for anything but a ``/``. Without ``sub-`` entities, what its
        stars stand for is compared.

    Returns
    -------
    Pairing

    Raises
    ------
    UsageError
        For a file and a folder, or a pattern with files.
    InputError
        When one does not exist, or nothing in the folders belongs together.
    """
    for path in (prediction, reference):
        if not path.exists():
            msg = f"{path}: no such file or folder"
            raise InputError(msg)
    if prediction.is_dir() != reference.is_dir():
        msg = f"{prediction} and {reference}: expected two files or two folders"
        raise UsageError(msg)
    if not prediction.is_dir():
        if prediction_pattern or reference_pattern:
            msg = "patterns choose files of folders; two files were given"
            raise UsageError(msg)
        return Pairing((LabelPair(without_extension(prediction.name), prediction, reference),))
    return _matched(
        _by_name(prediction, prediction_pattern), _by_name(reference, reference_pattern)
    )


def _matched(
    predictions: Mapping[str, list[Path]], references: Mapping[str, list[Path]]
) -> Pairing:
    common = sorted(predictions.keys() & references.keys())
    if not common:
        examples = [next(iter(sorted(side))) for side in (predictions, references)]
        msg = (
            f"no prediction has a reference: {len(predictions)} predictions such as "
            f"{examples[0]!r} and {len(references)} references such as {examples[1]!r}; "
            "use --pred-pattern or --ref-pattern to say how they are named"
        )
        raise InputError(msg)
    several = {
        name: (*predictions[name], *references[name])
        for name in common
        if len(predictions[name]) > 1 or len(references[name]) > 1
    }
    pairs = (
        LabelPair(name, predictions[name][0], references[name][0])
        for name in common
        if name not in several
    )
    return Pairing(tuple(pairs), _lone(predictions, common), _lone(references, common), several)


def _lone(side: Mapping[str, list[Path]], common: Iterable[str]) -> tuple[Path, ...]:
    return tuple(path for name in sorted(side.keys() - set(common)) for path in side[name])


def _by_name(folder: Path, pattern: str | None) -> dict[str, list[Path]]:
    """Label images of a folder by the name that their partners bear too."""
    named: dict[str, list[Path]] = {}
    for path, stars in _label_images(folder, pattern):
        below = path.relative_to(folder)
        name = (
            _entities(below)
            or stars
            or (below.parent / _bare(without_extension(path.name))).as_posix()
        )
        named.setdefault(name, []).append(path)
    if not named:
        wanted = f"named {pattern}" if pattern else f"({', '.join(IMAGE_EXTENSIONS)})"
        msg = f"{folder}: no label image {wanted} in this folder"
        raise InputError(msg)
    return named


def _label_images(folder: Path, pattern: str | None) -> Iterator[tuple[Path, str]]:
    """Files, each with what the pattern's stars stand for."""
    files = [path for path in sorted(folder.rglob("*")) if _is_image(path.relative_to(folder))]
    files = [path for path in files if path.is_file()]
    if pattern is None:
        for path in _likely(files):
            yield path, ""
        return
    expression = re.compile("([^/]*)".join(re.escape(part) for part in pattern.split("*")))
    for path in files:
        whole = path.relative_to(folder).as_posix() if "/" in pattern else path.name
        match = expression.fullmatch(whole)
        if match is not None:
            yield path, "_".join(group for group in match.groups() if group)


def _likely(files: Iterable[Path]) -> list[Path]:
    files = list(files)
    labels = [path for path in files if _SUFFIX.search("_" + without_extension(path.name))]
    segmented = [path for path in labels if without_extension(path.name).endswith("_dseg")]
    return (
        segmented
        or labels
        or [path for path in files if not _OTHER.search(without_extension(path.name))]
    )


def _is_image(below: Path) -> bool:
    hidden = any(part.startswith(".") for part in below.parts)
    return not hidden and below.name.lower().endswith(IMAGE_EXTENSIONS)


def _entities(below: Path) -> str:
    """BIDS entities that tell scans apart; those of the name go before those of folders."""
    found: dict[str, str] = {}
    for part in (*below.parts[:-1], without_extension(below.name)):
        found |= dict(_ENTITY.findall(part))
    if "sub" not in found:
        return ""
    if found.get("run", "").isdigit():
        found["run"] = str(int(found["run"]))  # BIDS: run-01 and run-1 are one index
    return "_".join(f"{name}-{found[name]}" for name in _ENTITIES if name in found)


def _bare(stem: str) -> str:
    return _SUFFIX.sub("", "_" + stem).removeprefix("_") or stem
