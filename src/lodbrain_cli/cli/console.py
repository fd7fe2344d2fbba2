"""Where words go: results to standard output, log and progress to standard error."""

import json
import logging
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import click
from tqdm import tqdm

from ..errors import LodbrainError

__all__ = ["LodbrainGroup", "Progress", "emit", "emit_json", "note", "set_verbosity"]


class _Terminated(BaseException):
    """SIGTERM: unwinds like Ctrl-C, so that temporary files are removed."""


class LodbrainGroup(click.Group):
    """A group that ends with the exit code of what went wrong.

    A user's mistake is one line; anything else is a bug and keeps its traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; map errors and signals to exit codes."""
        previous = signal.getsignal(signal.SIGTERM)
        with suppress(ValueError):  # not the main thread: the caller keeps its signals
            signal.signal(signal.SIGTERM, _raise_terminated)
        try:
            return super().invoke(ctx)
        except LodbrainError as error:
            show_error(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            note("interrupted; nothing half-written is left")
            ctx.exit(130)
        except _Terminated:
            note("terminated; nothing half-written is left")
            ctx.exit(143)
        finally:
            if previous is not None and signal.getsignal(signal.SIGTERM) is _raise_terminated:
                signal.signal(signal.SIGTERM, previous)


def set_verbosity(verbose: int, *, quiet: bool) -> None:
    """Send the library's log to standard error: warnings, with -v information, with -vv all."""
    level = logging.ERROR if quiet else [logging.WARNING, logging.INFO][min(verbose, 1)]
    if verbose > 1:
        level = logging.DEBUG
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger("lodbrain_cli")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)
    # nibabel logs what it mends in a header; what matters of that is said by lodbrain
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)


def show_error(error: LodbrainError, prefix: str = "error") -> None:
    """Print one line, and the details for those who asked with ``-v``."""
    click.echo(f"{prefix}: {error}", err=True)
    if logging.getLogger("lodbrain_cli").isEnabledFor(logging.INFO):
        for line in error.details:
            click.echo(f"  {line}", err=True)


def note(text: str) -> None:
    """Say something to the person, on standard error."""
    click.echo(text, err=True)


def emit(text: str) -> None:
    """Print a result on standard output."""
    click.echo(text)


def emit_json(value: Any) -> None:
    """Print a result as one line of JSON on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False))


class Progress:
    """A bar over scans with the current step; silent unless on a terminal."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._bar = tqdm(
            total=total,
            unit="scan",
            file=sys.stderr,
            disable=True if quiet else None,  # None: off where it is no terminal
            leave=False,
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def step(self, scan: str, name: str) -> None:
        """Show what is being done to which scan."""
        self._bar.set_description(f"{scan}: {name}")

    def advance(self) -> None:
        """One scan is finished."""
        self._bar.update()

    def clear(self) -> None:
        """Make room for a line of text."""
        self._bar.clear()


def _raise_terminated(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated
