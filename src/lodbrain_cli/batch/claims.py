"""Who works on which scan: claims as files beside the results, safe on shared disks.

A claim is a file that only one process can create (``O_CREAT | O_EXCL``, which NFS
keeps too; locks by ``flock`` it may not). Its owner touches it again and again. A claim
whose owner is gone is not replaced, which two could do at once, but followed by one of
the next number, which again only one can create.
"""

import json
import os
import secrets
import socket
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..files import remove_temporary
from ..outputs.results import Results

__all__ = ["Claims", "claimant"]

_BEAT_SECONDS = 20.0
# Attributes of files may be a minute old on NFS.
_STALE_SECONDS = 300.0
_MOST_OWNERS = 1000


@dataclass(frozen=True)
class _Claim:
    """A claim as found: when its owner last touched it, and what it says of itself."""

    touched: float
    owner: dict[str, Any]


class Claims:
    """The claims of this process; a context that touches them, and gives them up at its end.

    Parameters
    ----------
    beat_seconds : float
        Claims held are touched that often.
    stale_seconds : float
        An owner on another machine that has not touched its claim for so long is
        taken for gone. One on this machine is gone when its process is.
    """

    def __init__(
        self, *, beat_seconds: float = _BEAT_SECONDS, stale_seconds: float = _STALE_SECONDS
    ) -> None:
        self.beat_seconds = beat_seconds
        self.stale_seconds = stale_seconds
        self._token = secrets.token_hex(8)
        self._held: dict[Path, int] = {}
        self._over = threading.Event()
        self._heart: threading.Thread | None = None

    def __enter__(self) -> "Claims":
        self._over.clear()
        self._heart = threading.Thread(target=self._beat, name="lodbrain-claims", daemon=True)
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._heart is not None:
            self._heart.join()
        for labels in list(self._held):
            self.release(labels)

    def exist(self, labels: Path) -> bool:
        """Whether someone claims a scan, or did so and never gave it up."""
        return _path(labels, 0).exists()

    def take(self, results: Results) -> bool:
        """Claim a scan, unless another process works on it.

        What a process that is gone left half-written of its results is removed.

        Parameters
        ----------
        results : Results
            Of the scan; the claim stands beside the labels.

        Returns
        -------
        bool
            False when someone else is at it.

        Raises
        ------
        OutputError
            When no claim can be written there.
        """
        number = 0
        while number < _MOST_OWNERS:
            path = _path(results.labels, number)
            if self._create(path):
                self._held[results.labels] = number
                return True
            found = _read(path)
            if found is None:
                continue  # given up just now
            if found.owner.get("token") == self._token:  # a server's answer that was lost
                self._held[results.labels] = number
                return True
            if not self._is_abandoned(path, found):
                return False
            _clear_up_after(found.owner, results)
            number += 1
        msg = f"{_path(results.labels, 0)}: claimed {_MOST_OWNERS} times; remove these files"
        raise OutputError(msg)

    def release(self, labels: Path) -> None:
        """Give a scan up, with the claims of those who are gone."""
        number = self._held.pop(labels, None)
        if number is None:
            return
        for past in range(number + 1):  # the own one last: till then the scan is claimed
            with suppress(OSError):
                _path(labels, past).unlink()

    def is_free(self, labels: Path) -> bool:
        """Whether nobody is at work on a scan any more, as far as can be told."""
        for number in range(_MOST_OWNERS):
            path = _path(labels, number)
            found = _read(path)
            if found is None:
                return True
            if not self._is_abandoned(path, found):
                return False
        return True

    def _create(self, path: Path) -> bool:
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        except OSError as error:
            msg = f"{path}: could not be written ({error.strerror or error})"
            raise OutputError(msg) from error
        # On a full disk it stays empty, and times tell; closing writes, and may fail too.
        with suppress(OSError), os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump({"token": self._token, **_self()}, stream)
        return True

    def _is_abandoned(self, path: Path, claim: _Claim) -> bool:
        if claim.owner.get("machine") == _machine() != "":
            return not _runs(claim.owner.get("process"), claim.owner.get("started"))
        if _is_earlier_try(claim.owner):
            return True
        return _now_at(path.parent) - claim.touched > self.stale_seconds

    def _beat(self) -> None:
        while not self._over.wait(self.beat_seconds):
            for labels, number in list(self._held.items()):
                with suppress(OSError):
                    os.utime(_path(labels, number))


def claimant(labels: Path) -> str:
    """Name who claimed a scan first, at work or gone; empty where nobody did."""
    try:
        found = _read(_path(labels, 0))
    except OutputError:
        return ""  # who tries to claim it will be told why not
    if found is None:
        return ""
    since = datetime.fromtimestamp(found.touched, UTC).isoformat(timespec="seconds")
    host, process = found.owner.get("host"), found.owner.get("process")
    return f"claimed by process {process} on {host}, last seen {since}"


def _path(labels: Path, number: int) -> Path:
    digest = sha256(os.fsencode(labels.name)).hexdigest()[:16]
    return labels.with_name(f".lodbrain-claim-{digest}.{number}")


def _read(path: Path) -> _Claim | None:
    try:
        touched = path.stat().st_mtime
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error})"
        raise OutputError(msg) from error
    try:
        owner = json.loads(text)
    except ValueError:  # being written at this moment, or cut off by a full disk
        owner = {}
    return _Claim(touched, owner if isinstance(owner, dict) else {})


def _self() -> dict[str, Any]:
    number = os.getpid()
    return {
        "host": socket.gethostname(),
        "machine": _machine(),
        "process": number,
        "started": _start_of(number),
        **_batch_try(),
    }


def _batch_try() -> dict[str, Any]:
    """Job and how often it was started again, where the scheduler numbers its tries."""
    restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
    job = os.environ.get("SLURM_JOB_ID")
    return {"job": job, "restarts": int(restarts) if restarts.isdigit() else 0}


def _is_earlier_try(owner: dict[str, Any]) -> bool:
    """Whether an owner is this very job before it was queued again: then it is no more."""
    mine = _batch_try()
    if mine["job"] is None or owner.get("job") != mine["job"]:
        return False
    restarts = owner.get("restarts")
    return isinstance(restarts, int) and restarts < mine["restarts"]


def _machine() -> str:
    """Name what processes that see each other share; empty where the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _runs(process: object, started: object) -> bool:
    return isinstance(process, int) and started is not None and _start_of(process) == started


def _start_of(process: int) -> int | None:
    """When a process started, in ticks since the machine did; None where it is no more."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # its name may hold anything
    return None if state in "ZX" else int(fields[18])


def _now_at(folder: Path) -> float:
    """Return the time by the clock that stamps files in a folder, which may be a server's."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def _clear_up_after(owner: dict[str, Any], results: Results) -> None:
    host, process = owner.get("host"), owner.get("process")
    if isinstance(host, str) and isinstance(process, int):
        for path in (*results.paths().values(), results.log, results.failure):
            remove_temporary(path, host, process)
