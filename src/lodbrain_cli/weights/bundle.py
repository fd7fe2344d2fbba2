"""Weights for machines without a network: one file out, files or bundles in."""

import hashlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from ..errors import WeightsError
from ..files import replacing
from ..presets import PRESETS, Preset, WeightsFile
from .store import cache_folder, sha256_of

__all__ = ["add_file", "write_bundle"]


def write_bundle(entries: Iterable[tuple[Preset, WeightsFile, Path]], target: Path) -> None:
    """Pack weights into one tar file, with SHA256SUMS.

    Parameters
    ----------
    entries : iterable of (Preset, WeightsFile, Path)
        Files that were verified.
    target : Path
        Replaced whole or not at all. The same weights give the same bytes.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    sums = []
    with (
        replacing(target) as temporary,
        tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for preset, file, path in entries:
            name = f"{preset.name}/{file.name}"
            sums.append(f"{file.sha256}  {name}\n")
            _append(archive, name, path.read_bytes())
        _append(archive, "SHA256SUMS", "".join(sums).encode())


def add_file(source: Path) -> list[tuple[Preset, WeightsFile, Path]]:
    """Copy a weights file, or all of a bundle, into the cache.

    What a file is, its SHA-256 says; its name does not matter. Members of a
    bundle are read, never extracted by their own paths.

    Parameters
    ----------
    source : Path
        One weights file, or a tar file of :func:`write_bundle`.

    Returns
    -------
    list of (Preset, WeightsFile, Path)
        What was added, and where it now is.

    Raises
    ------
    WeightsError
        When there is no such file or nothing in it is known.
    OutputError
        When the cache cannot be written.
    """
    if not source.is_file():
        msg = f"{source}: " + ("is a folder; name its files" if source.is_dir() else "no such file")
        raise WeightsError(msg)
    digest = sha256_of(source)
    known = _known(digest)
    if known:
        return [_install(*known, source.read_bytes())]
    added = _add_members(source) if tarfile.is_tarfile(source) else []
    if not added:
        msg = (
            f"{source}: its SHA-256 {digest[:12]}... is of no known weights; download it again, "
            "or use the file with --weights"
        )
        raise WeightsError(msg)
    return added


def _add_members(source: Path) -> list[tuple[Preset, WeightsFile, Path]]:
    largest = max(file.num_bytes for preset in PRESETS.values() for file in preset.files)
    added = []
    damaged = []
    names = {file.name for preset in PRESETS.values() for file in preset.files}
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                if not member.isfile() or member.size > largest:
                    continue
                stream = archive.extractfile(member)
                data = stream.read() if stream else b""
                known = _known(hashlib.sha256(data).hexdigest())
                if known:
                    added.append(_install(*known, data))
                elif Path(member.name).name in names:
                    damaged.append(member.name)
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        msg = f"{source}: damaged bundle ({error}); copy it again"
        raise WeightsError(msg) from error
    if damaged:
        msg = f"{source}: {', '.join(damaged)} is damaged (SHA-256 differs); copy the bundle again"
        raise WeightsError(msg)
    return added


def _known(digest: str) -> tuple[Preset, WeightsFile] | None:
    for preset in PRESETS.values():
        for file in preset.files:
            if file.sha256 == digest:
                return preset, file
    return None


def _install(preset: Preset, file: WeightsFile, data: bytes) -> tuple[Preset, WeightsFile, Path]:
    target = cache_folder() / preset.name / file.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{target.parent}: could not be made ({error.strerror or error}); see LODBRAIN_CACHE"
        raise WeightsError(msg) from error
    with replacing(target) as temporary:
        temporary.write_bytes(data)
    return preset, file, target


def _append(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)  # owner 0, time 0, mode 0644: nothing of this machine
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
