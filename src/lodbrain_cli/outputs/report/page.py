"""The page of one scan."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...files import replacing
from ..citation import bibtex, methods_text, reference_texts
from ..display import Display
from ..snapshot import CONVENTION, draw_mosaic
from .document import check_installed, render
from .sections import judgement_of, run_rows, seconds_rows, volume_rows
from .viewer import images_of, niivue_script

__all__ = ["PAGE_SCRIPT", "check_report", "report_page", "write_report"]

#: The script of the page, for :func:`.document.content_security_policy`.
PAGE_SCRIPT = "viewer.js"

_RADIOLOGICAL = "Radiological: the left side of the picture is the right side of the head"
_MISSING = "The interactive viewer cannot be shown; the pictures above are those of the same labels"
_CANVAS = (
    "Interactive view of the scan with its labels in three planes and in 3-D; the pictures "
    "and the tables of this page say the same without it"
)


def check_report(path: Path) -> None:
    """Refuse before any work is done a name that is no page's, or a machine that makes none.

    Raises
    ------
    UsageError
        On another extension than .html, or when the extra ``report`` is not installed.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        msg = f"{path}: a report is a .html file"
        raise UsageError(msg)
    check_installed()
    niivue_script()


def write_report(path: Path, display: Display, record: Mapping[str, Any]) -> None:
    """Write the page of a scan, whole or not at all.

    Parameters
    ----------
    path : Path
        ``.html``.
    display, record
        As for :func:`report_page`.

    Raises
    ------
    UsageError
        As :func:`check_report`.
    OutputError
        When it cannot be written.
    """
    check_report(path)
    page = report_page(display, record)
    with replacing(path) as temporary:
        temporary.write_bytes(page)


def report_page(display: Display, record: Mapping[str, Any]) -> bytes:
    """Make the page of a scan: what was run, verdicts, volumes, slices and a viewer.

    Parameters
    ----------
    display : Display
        The scan with its labels; overlays beyond the first can be switched to.
    record : mapping
        The run record; {} where there is none, and what it lacks is left out.

    Returns
    -------
    bytes
        HTML in one file that loads nothing.

    Raises
    ------
    UsageError
        When the extra ``report`` is not installed.
    """
    shown, images = images_of(display)
    facts = {
        **shown,
        "neurological": CONVENTION,
        "radiological": _RADIOLOGICAL,
        "missing": _MISSING,
        "loading": "The viewer is being unpacked.",
        "canvas": _CANVAS,
    }
    low, high = display.intensity
    values = {
        "name": display.name,
        "checks": judgement_of(record, "checks"),
        "quality": judgement_of(record, "quality"),
        "warnings": [str(text) for text in record.get("warnings") or ()],
        "volumes": volume_rows(display),
        "overlays": [each.name for each in display.overlays],
        "run": run_rows(record),
        "seconds": seconds_rows(record),
        "methods": methods_text(record) if "preset" in record else None,
        "references": reference_texts(record) if "preset" in record else [],
        "bibtex": bibtex(record) if "preset" in record else None,
        "mosaic": base64.b64encode(draw_mosaic(display)).decode("ascii"),
        "convention": CONVENTION,
        "tilt": display.tilt_degrees,
        "facts": facts,
        "images": images,
        "niivue": niivue_script(),
        "window": {
            "least": low,
            "most": high,
            "step": (high - low) / 255,
            "low": display.window[0],
            "high": display.window[1],
        },
    }
    return render("report.html.j2", PAGE_SCRIPT, values)
