"""What people look at, written after the labels: the report and the snapshot of a result."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError
from ..files import remove
from .results import Results

if TYPE_CHECKING:
    from .display import Display
    from .report.reference import LabelSource
    from .segmented import Segmentation

__all__ = ["display_of", "write_pictures"]

_log = logging.getLogger(__name__)


def write_pictures(
    result: "Segmentation", targets: Results, reference: "LabelSource | None" = None
) -> dict[str, str]:
    """Write the report and the snapshot where they are wanted.

    Parameters
    ----------
    result : Segmentation
    targets : Results
    reference : LabelSource, optional
        Labels by others, to switch to in the report.

    Returns
    -------
    dict of str to str
        What could not be written, ``report`` or ``snapshot``, and why; logged as a warning.
        Nothing is raised, whatever happens: the labels are worth more than their picture.
    """
    report, snapshot = targets.report, targets.snapshot
    missing: dict[str, str] = {}
    if report is None and snapshot is None:
        return missing
    shown: list[Display] = []

    def display() -> "Display":
        if not shown:
            shown.append(display_of(result, reference))
        return shown[0]

    if snapshot is not None:
        from .snapshot import write_snapshot

        _attempt("snapshot", snapshot, lambda: write_snapshot(snapshot, display()), missing)
    if report is not None:
        from .report.page import write_report

        _attempt("report", report, lambda: write_report(report, display(), result.record), missing)
    return missing


def display_of(result: "Segmentation", reference: "LabelSource | None" = None) -> "Display":
    """Prepare a result for pictures, with the labels of its further protocols and of others.

    Raises
    ------
    InputError
        When the reference cannot be read.
    """
    from .display import Overlay, make_display

    every = [result, *result.others]
    preset = str(result.record["preset"])
    overlays = [
        Overlay(each.label_set.name if result.others else preset, each.labels, each.label_set)
        for each in every
    ]
    if reference is not None:
        overlays.append(reference.overlay(result.label_set, result.labels, result.affine))
    name = result.scan.path.name if result.scan.path is not None else result.scan.name
    return make_display(name, result.image, result.affine, overlays)


def _attempt(kind: str, path: Path, action: Callable[[], None], missing: dict[str, str]) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 a bug here must not lose labels either
        missing[kind] = str(error) or type(error).__name__
        _log.warning("%s: the %s could not be made (%s)", path, kind, missing[kind])
        with suppress(OutputError):
            remove(path)  # one of an earlier run would be taken for this one's
