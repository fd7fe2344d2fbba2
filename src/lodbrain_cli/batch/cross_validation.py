"""Leave-one-out cross-validation of fine-tuning, and the network that all scans made.

With a handful of labelled scans nobody can be spared for testing: so each in turn is
left out, a network is fine-tuned on the others with nothing chosen by the one that is
left out, and scored on it (as CEREBRUM-7T did with the four volumes of Schneider et
al. 2019; SPEC D.5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..evaluation.scoring import ClassScore, score_labels
from ..files import make_folder, write_text
from ..imaging.label_image import LabelImage, read_labels, to_grid_of
from ..segmentation import Segmenter
from ..training.dataset import Pair, read_table
from ..training.finetune import FinetuneOptions, finetune
from ..training.network_options import TargetOptions

if TYPE_CHECKING:
    from ..inference.keras_backend import Backend

__all__ = ["CrossValidation", "Fold", "cross_validate"]

_FEWEST = 2


@dataclass(frozen=True)
class Fold:
    """One person who was left out.

    Parameters
    ----------
    subject : str
    scores : tuple of ClassScore
        Of the labels that the network of the others gave.
    """

    subject: str
    scores: tuple[ClassScore, ...]


@dataclass(frozen=True)
class CrossValidation:
    """What came of it.

    Parameters
    ----------
    folds : tuple of Fold
    table : Path
        TSV: Dice of each class, for each fold, their mean and standard deviation.
    weights : Path
        Of the network that was trained on all.
    """

    folds: tuple[Fold, ...]
    table: Path
    weights: Path


def cross_validate(
    table: Path,
    folder: Path,
    options: FinetuneOptions,
    *,
    backend: "Backend",
    cache_folder: Path | None = None,
    on_read: Callable[[str], None] | None = None,
    on_fold: Callable[[str], None] | None = None,
) -> CrossValidation:
    """Fine-tune without each person in turn, score on that one, then fine-tune on all.

    Parameters
    ----------
    table : Path
        Pairs, one per person; a set that it names does not count.
    folder : Path
        Gets ``fold-<n>/`` (runs), ``out-of-fold/`` (labels and probabilities of
        each person by the network that did not see them), ``cross-validation.tsv``
        and ``final/``, the run on all. What a killed one left goes on.
    options : FinetuneOptions
        Its `held_out` does not count: in every run nobody is.
    backend, cache_folder, on_read
        See :func:`lodbrain_cli.training.finetune.finetune`.
    on_fold : callable, optional
        Called with what begins.

    Returns
    -------
    CrossValidation

    Raises
    ------
    UsageError
        When there are fewer than three people, or several pairs of one.
    UsageError, InputError, WeightsError
        As fine-tuning does.
    """
    pairs = [replace(pair, set="") for pair in read_table(table)]
    subjects = [pair.subject for pair in pairs]
    if len(set(subjects)) < len(subjects) or len(subjects) <= _FEWEST:
        msg = f"{table}: leaving one out needs three people or more, one row each; got {subjects}"
        raise UsageError(msg)
    alone = replace(options, held_out=0)
    run = _Runs(folder, alone, backend, cache_folder, on_read)
    make_folder(folder / "out-of-fold")
    folds = []
    for number, left_out in enumerate(pairs, 1):
        if on_fold is not None:
            on_fold(f"fold {number} of {len(pairs)}: without {left_out.subject}")
        others = [pair for pair in pairs if pair is not left_out]
        weights = run(f"fold-{number}", others)
        folds.append(Fold(left_out.subject, _score(left_out, weights.parent, folder, options)))
        _write(folder / "cross-validation.tsv", folds)
    if on_fold is not None:
        on_fold("on all")
    return CrossValidation(tuple(folds), folder / "cross-validation.tsv", run("final", pairs))


@dataclass(frozen=True)
class _Runs:
    """Runs of one cross-validation."""

    folder: Path
    options: FinetuneOptions
    backend: "Backend"
    cache_folder: Path | None
    on_read: Callable[[str], None] | None

    def __call__(self, name: str, pairs: Sequence[Pair]) -> Path:
        """Fine-tune on some pairs; gives the weights."""
        place = self.folder / name
        make_folder(place)
        rows = ["subject\timage\tlabels\tlabel_map"]
        rows += [
            "\t".join((p.subject, str((p.image or p.labels).absolute()), str(p.labels.absolute()),
                       p.label_map))
            for p in pairs
        ]  # fmt: skip
        write_text(place / "pairs.tsv", "\n".join(rows) + "\n")
        return finetune(
            place / "pairs.tsv", place, self.options, backend=self.backend,
            cache_folder=self.cache_folder, on_read=self.on_read,
        )  # fmt: skip


def _score(pair: Pair, run: Path, folder: Path, options: FinetuneOptions) -> tuple[ClassScore, ...]:
    """Segment who was left out, keep labels and probabilities, and score them."""
    target = TargetOptions(label_set=options.classes).target()
    reference = read_labels(pair.labels, target.map_of(pair.label_map))
    result = Segmenter(str(run), device="cpu").segment(pair.image or pair.labels)
    place = folder / "out-of-fold"
    result.save(
        place / f"{pair.subject}_dseg.nii.gz",
        probabilities=place / f"{pair.subject}_probseg.nii.gz",
        overwrite=True,
    )
    found = LabelImage(result.labels, result.space.affine, pair.subject)
    labels = to_grid_of(found, reference)
    return score_labels(labels, reference.labels, reference.affine, target.label_set)


def _write(path: Path, folds: Sequence[Fold]) -> None:
    names = [score.name for score in folds[0].scores]
    dice = np.array([[score.dice for score in fold.scores] for fold in folds])
    rows: list[tuple[str, Any]] = [(f.subject, d) for f, d in zip(folds, dice, strict=True)]
    # A class that is in neither image of a fold is no number there.
    known = [column[~np.isnan(column)] for column in dice.T]
    rows.append(("mean", [c.mean() if c.size else np.nan for c in known]))
    rows.append(("standard deviation", [c.std(ddof=1) if c.size > 1 else np.nan for c in known]))
    lines = ["\t".join(("left_out", *names))]
    lines += ["\t".join((name, *("n/a" if np.isnan(v) else f"{v:.4f}" for v in row)))
              for name, row in rows]  # fmt: skip
    write_text(path, "\n".join(lines) + "\n")
