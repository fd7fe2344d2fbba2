"""Files that appear whole or not at all."""

import errno
import hashlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError, UsageError

__all__ = [
    "check_writable",
    "make_folder",
    "remove",
    "remove_left_behind",
    "remove_temporary",
    "replacing",
    "write_text",
]

# The temporary names of :func:`replacing`: host, process, digest of the target's name.
_TEMPORARY = re.compile(r"\.lodbrain-.+-\d+-[0-9a-f]{8}\.part(?:\..+)?")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; move it there when all went well.

    It is on the disk before it takes the name: after a loss of power there is the old
    file or the new one, never an empty one. The name carries host and process, so that
    jobs on a shared disk do not meet, and keeps the extension, by which formats are
    chosen.

    Raises
    ------
    OutputError
        When the disk is full or the file cannot be written. Neither a partial
        file nor the temporary one stays.
    """
    temporary = _temporary(target, socket.gethostname(), os.getpid())
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        msg = f"{target}: could not be written ({reason})"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            msg += "; free some space and run again"
        raise OutputError(msg) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _temporary(target: Path, host: str, process: int) -> Path:
    extension = ".nii.gz" if target.name.lower().endswith(".nii.gz") else target.suffix
    # Short, for the target's own name may be as long as names can be.
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    return target.with_name(f".lodbrain-{host[:16]}-{process}-{digest}.part{extension}")


def remove_temporary(target: Path, host: str, process: int) -> None:
    """Remove what a process that is no more left of a target, if it left anything.

    Parameters
    ----------
    target : Path
        It was to be written with :func:`replacing`.
    host, process : str, int
        Name of the machine and number of the process.
    """
    with suppress(OSError, ValueError):
        _temporary(target, host, process).unlink()


def write_text(target: Path, text: str) -> None:
    """Write a UTF-8 text file whole, or raise :class:`OutputError`."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def remove(target: Path) -> None:
    """Remove a file if there is one.

    Raises
    ------
    OutputError
        When it cannot be removed.
    """
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        msg = f"{target}: could not be removed ({error.strerror or error})"
        raise OutputError(msg) from error


def remove_left_behind(folder: Path) -> None:
    """Remove what :func:`replacing` leaves in a folder when its process is killed.

    To be called only where no other process writes into the folder.

    Raises
    ------
    OutputError
        When such a file cannot be removed.
    """
    for path in sorted(folder.iterdir()):
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            remove(path)


def make_folder(folder: Path) -> None:
    """Make a folder to write into, with those above it, unless it is there.

    Raises
    ------
    UsageError
        When it cannot be made, such as below a file, or may not be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "is a file" if folder.is_file() else error.strerror or error
        msg = f"{folder}: the folder cannot be made ({reason}); name another one"
        raise UsageError(msg) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        msg = f"{folder}: the folder is not readable and writable; name another one"
        raise UsageError(msg)


def check_writable(target: Path, *, overwrite: bool, make_folders: bool = False) -> None:
    """Refuse a target before any work is done for it.

    Parameters
    ----------
    target : Path
    overwrite : bool
        Accept a file that exists.
    make_folders : bool
        Accept a missing folder that could be made.

    Raises
    ------
    UsageError
        When its folder is missing or not writable, it is a folder, or it
        exists and may not be overwritten.
    """
    try:
        _check_place(target, overwrite=overwrite, make_folders=make_folders)
    except OSError as error:  # a closed folder on the way, a name that is too long
        msg = f"{target}: cannot be written ({error.strerror or error})"
        raise UsageError(msg) from error


def _check_place(target: Path, *, overwrite: bool, make_folders: bool) -> None:
    folder = target.parent
    while make_folders and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        msg = f"{target}: the folder {folder} does not exist; create it first"
        raise UsageError(msg)
    if target.is_dir():
        msg = f"{target}: is a folder; expected a file name"
        raise UsageError(msg)
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = f"{target}: the folder {folder} is not writable"
        raise UsageError(msg)
    if target.exists() and not overwrite:
        msg = f"{target}: exists already; use --overwrite, --skip-existing or another name"
        raise UsageError(msg)
