"""Look weights up, in the order that docs/architecture.md gives.

1. ``--weights``: a file, or a folder
2. ``LODBRAIN_WEIGHTS``: folders
3. the cache: ``LODBRAIN_CACHE``, else the user's cache folder
4. packaged with lodbrain
5. download into the cache, unless ``LODBRAIN_OFFLINE=1``
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ..errors import WeightsError
from ..presets import Preset, WeightsFile

__all__ = [
    "FoundWeights",
    "WeightsStatus",
    "cache_folder",
    "expected_sha256",
    "fetch",
    "is_offline",
    "locate",
    "obtain",
    "sha256_of",
    "status",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundWeights:
    """A weights file whose hash is known.

    Parameters
    ----------
    path : Path
    sha256 : str
    origin : str
        How it was found: "given", "model" (beside a model file),
        "LODBRAIN_WEIGHTS", "cache", "packaged" or "downloaded".
    released : bool
        Whether it is the very file that the preset names.
    """

    path: Path
    sha256: str
    origin: str
    released: bool = True


@dataclass(frozen=True)
class WeightsStatus:
    """What stands where a weights file is looked for.

    Parameters
    ----------
    found : FoundWeights or None
        The one that would be used without a download.
    wrong : tuple of Path
        Files of that name whose size or hash is not right.
    """

    found: FoundWeights | None
    wrong: tuple[Path, ...]


def cache_folder() -> Path:
    """Folder that weights are downloaded to; it need not exist.

    ``LODBRAIN_CACHE``, else the platform's cache folder, else, where there is
    no usable home, a private folder of the temporary directory.
    """
    chosen = os.environ.get("LODBRAIN_CACHE")
    if chosen:
        return Path(chosen)
    with suppress(RuntimeError):  # a user without a name, and no HOME
        folder = Path(platformdirs.user_cache_dir("lodbrain", appauthor=False))
        if folder.is_absolute() and _can_be_made(folder):
            return folder
        if folder.is_dir():
            return folder  # read-only, but what it holds is used
    return Path(tempfile.gettempdir()) / f"lodbrain-cache-{os.getuid()}"


def is_offline() -> bool:
    """Whether ``LODBRAIN_OFFLINE`` forbids the network."""
    return os.environ.get("LODBRAIN_OFFLINE", "").lower() in ("1", "true", "t", "yes", "y", "on")


def locate(preset: Preset, file: WeightsFile) -> FoundWeights | None:
    """Find a file of a preset on this machine, or None.

    A file of the right name and the wrong content is passed over with a
    warning in the log.
    """
    result = status(preset, file)
    for path in result.wrong:
        _log.warning(
            "%s: not the weights of %r (unreadable, or size or SHA-256 differ)", path, preset.name
        )
    return result.found


def status(preset: Preset, file: WeightsFile) -> WeightsStatus:
    """Look a file up in every place, without the network and without a word."""
    found, wrong = None, []
    for path, origin in _places(preset, file):
        try:
            right = path.stat().st_size == file.num_bytes and sha256_of(path) == file.sha256
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # unreadable: as good as damaged, and another place may do
            right = False
        if right:
            found = found or FoundWeights(path, file.sha256, origin)
        else:
            wrong.append(path)
    return WeightsStatus(found, tuple(wrong))


def obtain(
    preset: Preset,
    given: Path | None = None,
    *,
    file: WeightsFile | None = None,
    offline: bool | None = None,
    progress: bool = False,
) -> FoundWeights:
    """Find weights of a preset, or fetch them.

    Parameters
    ----------
    preset : Preset
    given : Path, optional
        A weights file, used whatever its hash is, or a folder that holds the
        released one.
    file : WeightsFile, optional
        Which of the preset's; default: those of the whole network.
    offline : bool, optional
        Never touch the network; default from ``LODBRAIN_OFFLINE``.
    progress : bool
        Show a bar while downloading.

    Raises
    ------
    WeightsError
        Missing, damaged or not to be fetched; says where to put the file.
    """
    file = file or preset.weights
    if given is not None:
        return _given(preset, file, given)
    found = locate(preset, file)
    if found is not None:
        return found
    if not file.urls and preset.folder is not None:
        msg = (
            f"{preset.folder / file.name}: the weights of model {preset.name!r} are missing there "
            "or not those that it names; put the file of the same run beside the model file"
        )
        raise WeightsError(msg, details=_wrong_lines(preset, file))
    if not file.urls:
        msg = (
            f"the weights {file.name} of preset {preset.name!r} come with lodbrain and are damaged "
            "or missing here; install lodbrain again"
        )
        raise WeightsError(msg, details=_wrong_lines(preset, file))
    if is_offline() if offline is None else offline:
        msg = (
            f"the weights {file.name} of preset {preset.name!r} are not on this machine and the "
            f"network is switched off; fetch {file.urls[0]} elsewhere, then run "
            f"'lodbrain weights add {file.name}'"
        )
        raise WeightsError(msg, details=_wrong_lines(preset, file))
    return fetch(preset, file, progress=progress)


def fetch(preset: Preset, file: WeightsFile, *, progress: bool = False) -> FoundWeights:
    """Download a file that has addresses into the cache, unless it stands there already.

    Raises
    ------
    WeightsError
        When no address gives the right file, or the cache cannot be written.
    """
    from .download import download  # requests and pooch: only when needed

    target = cache_folder() / preset.name / file.name
    download(file, target, progress=progress)
    return FoundWeights(target, file.sha256, "downloaded")


def expected_sha256(file: WeightsFile, given: Path | None) -> str:
    """SHA-256 that :func:`obtain` would find, without looking for the released file.

    Raises
    ------
    WeightsError
        When a file is given that cannot be read.
    """
    if given is None or given.is_dir():
        return file.sha256
    return _hash_of_given(given)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _given(preset: Preset, file: WeightsFile, given: Path) -> FoundWeights:
    if given.is_dir():
        for path in (given / file.name, given / preset.name / file.name):
            if path.is_file() and sha256_of(path) == file.sha256:
                return FoundWeights(path, file.sha256, "given")
        msg = (
            f"{given}: the folder holds no {file.name} with the SHA-256 of preset "
            f"{preset.name!r} ({file.sha256[:12]}...)"
        )
        raise WeightsError(msg)
    digest = _hash_of_given(given)
    return FoundWeights(given, digest, "given", released=digest == file.sha256)


def _hash_of_given(given: Path) -> str:
    if not given.is_file():
        msg = f"{given}: no such weights file"
        raise WeightsError(msg)
    try:
        return sha256_of(given)
    except OSError as error:
        msg = f"{given}: cannot be read ({error.strerror or error})"
        raise WeightsError(msg) from error


def _places(preset: Preset, file: WeightsFile) -> Iterator[tuple[Path, str]]:
    if preset.folder is not None:
        yield preset.folder / file.name, "model"
    listed = os.environ.get("LODBRAIN_WEIGHTS", "").split(os.pathsep)
    for given in (Path(name) for name in listed if name):
        yield given / file.name, "LODBRAIN_WEIGHTS"
        yield given / preset.name / file.name, "LODBRAIN_WEIGHTS"
    yield cache_folder() / preset.name / file.name, "cache"
    for folder in _packaged_folders():
        yield folder / preset.name / file.name, "packaged"


def _packaged_folders() -> tuple[Path, ...]:
    """In a wheel, inside the package; in a checkout, its top folder ``weights``."""
    package = Path(__file__).resolve().parents[1]
    return (package / "packaged_weights", package.parents[1] / "weights")


def _wrong_lines(preset: Preset, file: WeightsFile) -> list[str]:
    return [f"{path}: size or SHA-256 differ" for path in status(preset, file).wrong]


def _can_be_made(folder: Path) -> bool:
    """Whether a folder exists writable, or its nearest existing parent is."""
    for parent in (folder, *folder.parents):
        if parent.exists():
            return parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    return False
