"""The files of an evaluation: tables, JSON and pictures in one folder."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..files import check_writable, write_text
from .groups import Grouping
from .run import Evaluation
from .scoring import MEASURES

__all__ = ["EvaluationFiles", "as_document"]


@dataclass(frozen=True)
class EvaluationFiles:
    """Where the results of an evaluation go.

    Parameters
    ----------
    folder : Path
        Made when it is missing.
    groupings : sequence of Grouping
        Columns to compare.
    plots : bool
        Draw pictures.
    """

    folder: Path
    groupings: Sequence[Grouping] = ()
    plots: bool = True

    def paths(self) -> dict[str, Path]:
        """Everything that will be written, by kind; ``scores.json`` is written last."""
        names = {"scores": "scores.tsv", "summary": "summary.tsv"}
        if self.plots:
            names["plot"] = "scores.png"
        if self.groupings:
            names["groups"] = "groups.tsv"
        if self.plots:
            names |= {f"plot of {g.column}": f"groups_{g.column}.png" for g in self.groupings}
        names["json"] = "scores.json"
        return {kind: self.folder / re.sub(r"[^\w.-]+", "_", n) for kind, n in names.items()}

    def check(self, *, overwrite: bool) -> None:
        """Refuse before anything is computed.

        Raises
        ------
        UsageError
            When a file exists and may not be overwritten, or cannot be written.
        """
        for path in self.paths().values():
            check_writable(path, overwrite=overwrite, make_folders=True)

    def write(self, evaluation: Evaluation) -> list[Path]:
        """Write everything, each file whole or not at all.

        Returns
        -------
        list of Path
            In the order of :meth:`paths`.

        Raises
        ------
        OutputError
            When a file cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{self.folder}: could not be made ({error.strerror or error})"
            raise OutputError(msg) from error
        paths = self.paths()
        write_text(paths["scores"], _table(_score_rows(evaluation)))
        write_text(paths["summary"], _table(asdict(row) for row in evaluation.summary))
        if self.groupings:
            write_text(paths["groups"], _table(asdict(row) for row in evaluation.groups))
        if self.plots:
            self._draw(evaluation, paths)
        text = json.dumps(as_document(evaluation), indent=1, ensure_ascii=False) + "\n"
        write_text(paths["json"], text)
        return list(paths.values())

    def _draw(self, evaluation: Evaluation, paths: Mapping[str, Path]) -> None:
        from .plots import draw_groups, draw_scores

        labels = evaluation.protocols.label_set
        draw_scores(paths["plot"], list(evaluation.scores.values()), labels)
        for grouping in self.groupings:
            rows = [row for row in evaluation.groups if row.column == grouping.column]
            path = paths[f"plot of {grouping.column}"]
            draw_groups(path, grouping, rows, evaluation.scores, labels)


def as_document(evaluation: Evaluation) -> dict[str, Any]:
    """Collect an evaluation as plain values for JSON; what is undefined is null.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    dict
        ``lodbrain`` (version), ``label_set``, label maps, ``resample``,
        ``pairs`` (each with its scores or its error), ``ambiguous``,
        ``without_partner``, ``summary`` and ``groups``.
    """
    pairing, protocols = evaluation.pairing, evaluation.protocols
    document = {
        "lodbrain": metadata.version("lodbrain"),
        "label_set": protocols.label_set.name,
        "prediction_label_map": protocols.prediction.name,
        "reference_label_map": protocols.reference.name,
        "resample": evaluation.resampling,
        "pairs": [
            {
                "pair": scored.pair.name,
                "prediction": str(scored.pair.prediction),
                "reference": str(scored.pair.reference),
                "error": str(scored.error) if scored.error else None,
                "warnings": scored.warnings,
                "scores": [
                    {"index": s.index, "name": s.name, **s.measures()} for s in scored.scores
                ],
            }
            for scored in evaluation.scored
        ],
        "ambiguous": {name: _texts(paths) for name, paths in pairing.ambiguous.items()},
        "without_partner": {
            "predictions": _texts(pairing.lone_predictions),
            "references": _texts(pairing.lone_references),
        },
        "summary": [asdict(row) for row in evaluation.summary],
        "groups": [asdict(row) for row in evaluation.groups],
    }
    plain: dict[str, Any] = _without_nan(document)
    return plain


def _score_rows(evaluation: Evaluation) -> Iterable[dict[str, Any]]:
    for scored in evaluation.scored:
        for score in scored.scores:
            yield {
                "pair": scored.pair.name,
                "prediction": scored.pair.prediction,
                "reference": scored.pair.reference,
                "index": score.index,
                "name": score.name,
                **{measure: score.measures()[measure] for measure in MEASURES},
            }


def _table(rows: Iterable[Mapping[str, Any]]) -> str:
    """TSV with a header; what is undefined is n/a, as in BIDS."""
    rows = list(rows)
    lines = ["\t".join(rows[0])]
    lines += ["\t".join(_cell(value) for value in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "n/a"
    if isinstance(value, float):
        return f"{value:.7g}"
    return re.sub(r"[\t\r\n]", " ", str(value)) or "n/a"


def _texts(paths: Iterable[Path]) -> list[str]:
    return [str(path) for path in paths]


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
