"""What can go wrong, in words a user can act on; every class names its exit code.

A :class:`LodbrainError` is shown as one line, without a traceback. Anything
else that is raised is a bug and keeps its traceback.
"""

from collections.abc import Iterable


class LodbrainError(Exception):
    """Base of everything that a user can cause and mend.

    Parameters
    ----------
    message : str
        One line: what, which file, got, expected, what to do.
    details : iterable of str
        Further lines for those who ask (``-v``), such as a list of tensors.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line when this ends a run of one scan.
    """

    exit_code = 1

    def __init__(self, message: str, *, details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class UsageError(LodbrainError):
    """The request itself does not fit: an option, a name, an existing output."""

    exit_code = 2


class InputError(LodbrainError):
    """The scan was read and refused, or could not be read.

    Parameters
    ----------
    message, details
        As above.
    about : str
        Item of ``lodbrain check`` that it belongs to.
    """

    exit_code = 3

    def __init__(self, message: str, *, details: Iterable[str] = (), about: str = "file") -> None:
        super().__init__(message, details=details)
        self.about = about


class ResourceError(LodbrainError):
    """Memory, a device or time ran out; the same command may work elsewhere or later."""

    exit_code = 5


class WeightsError(LodbrainError):
    """Weights are missing, damaged, or of another network."""

    exit_code = 6


class OutputError(LodbrainError):
    """A result could not be written (disk full, permission); nothing half-written stays."""

    exit_code = 1


class UnexpectedError(LodbrainError):
    """A bug, met by one of many scans; its traceback stands in the details."""
