"""Download one weights file: several addresses, lock, size, hash, whole or not at all.

Pooch writes to a temporary file, checks the hash, moves and tries again; this
module adds what it lacks: more than one address, a lock, and a bound on the
size. Proxies are those of the environment (``HTTPS_PROXY``, ``NO_PROXY``).
"""

import logging
from pathlib import Path
from typing import Any

import pooch
import requests
from filelock import FileLock, Timeout
from tqdm import tqdm

from ..errors import WeightsError
from ..presets import WeightsFile

__all__ = ["download"]

_log = logging.getLogger(__name__)
_RETRIES = 2
_TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces of an answer
_LOCK_TIMEOUT_S = 600.0
_CHUNK_BYTES = 64 * 1024


class _NotOfferedError(Exception):
    """The server answered and has no such file: asking it again is no use."""


def download(file: WeightsFile, target: Path, *, progress: bool = False) -> None:
    """Make `target` the right file, downloading where it is not yet.

    Several processes may call this at once: one downloads, the others wait and
    find the file.

    Parameters
    ----------
    file : WeightsFile
    target : Path
        Where it goes; its folder is made.
    progress : bool
        Show a bar on standard error when that is a terminal.

    Raises
    ------
    WeightsError
        When the folder cannot be written, the lock is not to be had, or no
        address gave the right file.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=_LOCK_TIMEOUT_S)
        with lock:
            _from_any_address(file, target, progress=progress)
    except Timeout as error:
        msg = f"{target}: another process has held its lock for {_LOCK_TIMEOUT_S:.0f} s"
        raise WeightsError(msg) from error
    except OSError as error:
        msg = (
            f"{target}: cannot be written ({error.strerror or error}); choose a writable folder "
            "with LODBRAIN_CACHE"
        )
        raise WeightsError(msg) from error


def _from_any_address(file: WeightsFile, target: Path, *, progress: bool) -> None:
    pooch.get_logger().setLevel(logging.ERROR)  # what matters is said here
    failures = []
    for url in file.urls:
        registry = pooch.create(
            target.parent,
            base_url="",
            registry={file.name: f"sha256:{file.sha256}"},
            urls={file.name: url},
            retry_if_failed=_RETRIES,
        )
        try:
            registry.fetch(file.name, downloader=_Download(file, progress=progress))
        except (requests.RequestException, ValueError, _NotOfferedError) as error:
            failures.append(f"{url}: {_reason(error)}")
            _log.info("%s", failures[-1])
        else:
            target.chmod(0o644)  # temporary files are private, a cache may be shared
            return
    msg = (
        f"{file.name}: could not be downloaded ({failures[-1]}); check the network or proxy, or "
        f"fetch it elsewhere and run 'lodbrain weights add {file.name}'"
    )
    raise WeightsError(msg, details=failures)


class _Download:
    """A pooch downloader that stops at the expected size."""

    def __init__(self, file: WeightsFile, *, progress: bool) -> None:
        self.file = file
        self.progress = progress

    def __call__(self, url: str, output_file: str, _registry: Any) -> None:
        # "identity": sizes are compared, so the bytes must come as they are.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=_TIMEOUT_S, headers=headers) as answer:
            if 400 <= answer.status_code < 500:
                msg = f"HTTP {answer.status_code} {answer.reason}"
                raise _NotOfferedError(msg)
            answer.raise_for_status()
            self._save(answer, Path(output_file))

    def _save(self, answer: requests.Response, output: Path) -> None:
        received = 0
        with (
            output.open("wb") as stream,
            tqdm(
                total=self.file.num_bytes,
                desc=self.file.name,
                unit="B",
                unit_scale=True,
                disable=None if self.progress else True,
            ) as bar,
        ):
            for chunk in answer.iter_content(_CHUNK_BYTES):
                received += len(chunk)
                if received > self.file.num_bytes:
                    break
                stream.write(chunk)
                bar.update(len(chunk))
        if received != self.file.num_bytes:
            got = f"{received}" if received < self.file.num_bytes else "more"
            msg = f"expected {self.file.num_bytes} bytes, got {got}"
            raise ValueError(msg)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        return "wrong content (SHA-256 differs)"
    return " ".join(str(error).split())
