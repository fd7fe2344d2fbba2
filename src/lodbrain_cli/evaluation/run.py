"""Evaluate predictions: read, match, score, summarise; the verb of ``lodbrain evaluate``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import InputError, LodbrainError, UsageError
from ..imaging.label_image import read_labels, to_grid_of
from ..labels import LabelMap, LabelSet, get_label_map, get_label_set
from .groups import Grouping, GroupSummary, compare_groups
from .pairs import LabelPair, Pairing
from .participants import Participants, group_people
from .scoring import ClassScore, score_labels
from .summary import Summary, summarise

__all__ = ["Evaluation", "Protocols", "evaluate", "group_pairs", "score_pairs"]


@dataclass(frozen=True)
class Protocols:
    """Label maps of both sides, checked to lead to one label set.

    Parameters
    ----------
    prediction, reference : LabelMap
    """

    prediction: LabelMap
    reference: LabelMap

    @classmethod
    def named(cls, prediction: str, reference: str) -> "Protocols":
        """Look up two label maps.

        Raises
        ------
        UsageError
            When one is unknown, or they lead to different label sets.
        """
        maps = cls(get_label_map(prediction), get_label_map(reference))
        if maps.prediction.label_set != maps.reference.label_set:
            msg = (
                f"label map {prediction!r} leads to {maps.prediction.label_set}, {reference!r} to "
                f"{maps.reference.label_set}: they cannot be compared"
            )
            raise UsageError(msg)
        return maps

    @property
    def label_set(self) -> LabelSet:
        """What both are reduced to."""
        return get_label_set(self.reference.label_set)


@dataclass(frozen=True)
class ScoredPair:
    """A pair with its scores, or with what is wrong with it.

    Parameters
    ----------
    pair : LabelPair
    scores : tuple of ClassScore
        Empty when there is an error.
    warnings : tuple of str
    error : LodbrainError, optional
    """

    pair: LabelPair
    scores: tuple[ClassScore, ...] = ()
    warnings: tuple[str, ...] = ()
    error: LodbrainError | None = None


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found out.

    Parameters
    ----------
    pairing : Pairing
    protocols : Protocols
    resampling : bool
    scored : tuple of ScoredPair
        One per pair, those that failed too.
    summary : tuple of Summary
    groupings : tuple of Grouping
    groups : tuple of GroupSummary
    """

    pairing: Pairing
    protocols: Protocols
    resampling: bool
    scored: tuple[ScoredPair, ...]
    summary: tuple[Summary, ...]
    groupings: tuple[Grouping, ...] = ()
    groups: tuple[GroupSummary, ...] = field(default=())

    @property
    def scores(self) -> dict[str, tuple[ClassScore, ...]]:
        """Scores by the names of the pairs that have any."""
        return {s.pair.name: s.scores for s in self.scored if s.error is None}

    @property
    def failures(self) -> int:
        """How many pairs could not be scored, ambiguous ones included."""
        return sum(s.error is not None for s in self.scored) + len(self.pairing.ambiguous)


def evaluate(
    pairing: Pairing,
    protocols: Protocols,
    *,
    resampling: bool = False,
    groupings: Sequence[Grouping] = (),
    on_pair: Callable[[ScoredPair], None] | None = None,
) -> Evaluation:
    """Score all pairs, and say what they show together.

    Parameters
    ----------
    pairing : Pairing
    protocols : Protocols
    resampling : bool
        Bring predictions to the references' grids where these differ, by the
        nearest voxel; else such a pair fails.
    groupings : sequence of Grouping
        Of :func:`group_pairs`.
    on_pair : callable, optional
        Called with each pair when it is done.

    Returns
    -------
    Evaluation
        A pair that cannot be scored carries its error and stops nothing.

    Raises
    ------
    InputError
        When no pair at all could be scored.
    """
    done = []
    for scored in score_pairs(pairing.pairs, protocols, resampling=resampling):
        if on_pair is not None:
            on_pair(scored)
        done.append(scored)
    scores = {s.pair.name: s.scores for s in done if s.error is None}
    if not scores:
        if len(done) == 1 and done[0].error is not None:
            raise done[0].error
        msg = f"none of {len(done) + len(pairing.ambiguous)} pairs could be scored"
        raise InputError(msg)
    groups = (row for grouping in groupings for row in compare_groups(grouping, scores))
    return Evaluation(
        pairing,
        protocols,
        resampling,
        tuple(done),
        summarise(list(scores.values())),
        tuple(groupings),
        tuple(groups),
    )


def score_pairs(
    pairs: Sequence[LabelPair], protocols: Protocols, *, resampling: bool
) -> Iterator[ScoredPair]:
    """Score pairs one after the other; errors of a user's making come as results."""
    for pair in pairs:
        try:
            prediction = read_labels(pair.prediction, protocols.prediction)
            reference = read_labels(pair.reference, protocols.reference)
            labels = to_grid_of(prediction, reference, resampling=resampling)
            scores = score_labels(labels, reference.labels, reference.affine, protocols.label_set)
            notes = (f"{i.name}: {w}" for i in (prediction, reference) for w in i.warnings)
            yield ScoredPair(pair, scores, tuple(notes))
        except LodbrainError as error:
            yield ScoredPair(pair, error=error)


def group_pairs(
    pairing: Pairing, participants: Participants, age_years: int = 5
) -> tuple[tuple[Grouping, ...], tuple[str, ...]]:
    """Part pairs by every column of a table of people.

    Parameters
    ----------
    pairing : Pairing
    participants : Participants
    age_years : int
        As in :func:`~lodbrain_cli.evaluation.participants.group_people`.

    Returns
    -------
    groupings : tuple of Grouping
        One per column that makes groups.
    notes : tuple of str
        Which columns make none, and how many pairs stand in no row.

    Raises
    ------
    InputError
        When no pair is of a participant.
    """
    people = {pair.name: participants.of(pair.name) for pair in pairing.pairs}
    strangers = [name for name, row in people.items() if not row]
    if len(strangers) == len(people):
        examples = (next(iter(people), "none"), next(iter(participants.rows), "none"))
        msg = (
            f"no pair is of a participant: pairs such as {examples[0]!r}, participants such "
            f"as {examples[1]!r}"
        )
        raise InputError(msg)
    notes = []
    if strangers:
        notes.append(f"{len(strangers)} pairs are of no participant, such as {strangers[0]}")
    groupings = []
    for column in participants.columns:
        values = {name: row[column] for name, row in people.items() if column in row}
        groups = group_people(column, values, age_years)
        if groups:
            groupings.append(Grouping(column, groups))
        else:
            notes.append(f"the column {column!r} makes no groups to compare")
    return tuple(groupings), tuple(notes)
