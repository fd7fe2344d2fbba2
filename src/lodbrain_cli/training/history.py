"""The history of a run as a table and a plot."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..files import replacing, write_text

__all__ = ["write_history"]


def write_history(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``history.csv`` and, where matplotlib is installed, ``history.png``.

    Parameters
    ----------
    folder : Path
    rows : sequence of mapping
        One per validation.
    """
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(folder / "history.csv", text.getvalue())
    try:
        from matplotlib.figure import Figure
    except ImportError:  # of the extra ``plots``
        return
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    hours = [row["hours"] for row in rows]
    for name in ("loss", "validation_dice", "dice_t1w", "dice_random"):
        if name in rows[0]:
            axes.plot(
                hours, [row.get(name, math.nan) for row in rows], label=name.replace("_", " ")
            )
    for before, after in pairwise(rows):
        if before["stage"] != after["stage"]:
            axes.axvline(before["hours"], color="grey", linestyle=":")
    axes.set(xlabel="hours", ylim=(0, 1.05))
    axes.legend()
    with replacing(folder / "history.png") as temporary:
        figure.savefig(temporary, format="png")
