"""Where words go: results to standard output, log and progress to standard error."""

import json
import logging
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import click
from tqdm import tqdm

from ..errors import LodbrainError, OutputError

__all__ = [
    "LodbrainGroup",
    "Progress",
    "emit",
    "emit_json",
    "note",
    "raise_terminated",
    "set_verbosity",
    "show_error",
]


class _Terminated(BaseException):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C, so that temporary files are removed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class _Verbosity:
    """What the person asked to be told."""

    told = logging.WARNING


_verbosity = _Verbosity()
_ENDING = (signal.SIGTERM, signal.SIGHUP)


class LodbrainGroup(click.Group):
    """A group that ends with the exit code of what went wrong.

    A user's mistake is one line; anything else is a bug and keeps its traceback.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take ``BIDS_DIR OUT_DIR participant`` for what BIDS Apps take it for."""
        if args[2:3] in (["participant"], ["group"]) and args[0] not in self.commands:
            args = ["bids", *args]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; map errors and signals to exit codes."""
        previous = {number: signal.getsignal(number) for number in _ENDING}
        with suppress(ValueError):  # not the main thread: the caller keeps its signals
            for number in _ENDING:
                signal.signal(number, raise_terminated)
        try:
            return super().invoke(ctx)
        except LodbrainError as error:
            show_error(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            note("interrupted; nothing half-written is left")
            ctx.exit(130)
        except _Terminated as ending:
            note("terminated; nothing half-written is left")
            ctx.exit(ending.exit_code)
        finally:
            for number, handler in previous.items():
                if handler is not None and signal.getsignal(number) is raise_terminated:
                    signal.signal(number, handler)


def set_verbosity(verbose: int, *, quiet: bool) -> None:
    """Send the library's log to standard error: warnings, with -v information, with -vv all."""
    level = logging.ERROR if quiet else [logging.WARNING, logging.INFO][min(verbose, 1)]
    if verbose > 1:
        level = logging.DEBUG
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handler.setLevel(level)  # the logs of scans may ask the logger for more
    _verbosity.told = level
    logger = logging.getLogger("lodbrain_cli")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)
    # nibabel logs what it mends in a header; what matters of that is said by lodbrain
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)


def show_error(error: LodbrainError, prefix: str = "error") -> None:
    """Print one line, and the details for those who asked with ``-v``."""
    note(f"{prefix}: {error}")
    if _verbosity.told <= logging.INFO:
        for line in error.details:
            note(f"  {line}")


def note(text: str) -> None:
    """Say something to the person, on standard error."""
    # File names need not be text: their bytes are printed as they are.
    click.echo(text.encode("utf-8", "surrogateescape"), err=True)


def emit(text: str) -> None:
    """Print a result on standard output.

    Raises
    ------
    OutputError
        When it cannot be written, as to a full disk.
    """
    try:
        click.echo(text.encode("utf-8", "surrogateescape"))
    except BrokenPipeError:
        raise  # the reader has gone: Click ends quietly
    except OSError as error:
        _give_up_standard_output()
        msg = f"standard output: could not be written ({error.strerror or error})"
        raise OutputError(msg) from error


def _give_up_standard_output() -> None:
    """Send what is still buffered nowhere, or Python fails on it once more at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit_json(value: Any) -> None:
    """Print a result as one line of JSON on standard output."""
    emit(json.dumps(value))


class Progress:
    """A bar over scans with the current step; silent unless on a terminal."""

    def __init__(self, total: int, *, quiet: bool, unit: str = "scan") -> None:
        self._bar = tqdm(
            total=total,
            unit=unit,
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


def raise_terminated(number: int, _frame: FrameType | None) -> None:
    """Handle a signal by unwinding, so that temporary files are removed."""
    raise _Terminated(number)
