"""The verdict on one result: every item, one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..checking import Finding, Verdict
from ..imaging.components import largest_component
from ..imaging.probability_maps import ProbabilityMaps
from ..imaging.volumetry import StructureVolume
from ..labels import LOD_BRAIN_7, LabelSet
from .evidence import Evidence, gather_evidence
from .symmetry import asymmetry
from .thresholds import AGE_MARK, ANATOMY, BRAIN_ML, CUT_MARK, NOTHING_MARK, measures_of
from .verdict import Item, Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Result", "appraise"]

# Structures whose halves are alike in every head; the ventricles' often are not.
_ALIKE = (1, 2, 3, 5)


@dataclass(frozen=True, eq=False)
class Result:
    """What is to be judged.

    Parameters
    ----------
    maps : ProbabilityMaps
        Of one label set, as the labels came from them.
    preset : str
        Whose network it was.
    pool : int
        Millimetres in a voxel of the maps.
    label_set : LabelSet
    labels : (X, Y, Z) uint8 array
        On the grid of the results.
    affine : (4, 4) array
        Of that grid.
    whole_scan : bool
        Whether that grid ends where the scan does.
    volumes : sequence of StructureVolume
        Counted there.
    struck_voxels : int
        That cleaning took away, on the grid of the maps.
    coarse : (d, h, w) float32 array, optional
        Probability of background by the coarse level, on the conformed volume in
        larger voxels.
    findings : sequence of Finding
        Of the scan, before it was segmented.
    age, ages : float, (float, float) or None
        Of the person in years; youngest and oldest that the network was trained on.
    agreement : float, optional
        Mean Dice with the network's answer for the scan mirrored and shifted.
    disagreement : float, optional
        Share of the pairs of protocols that name different tissues, mean inside the brain.
    """

    maps: ProbabilityMaps
    preset: str
    pool: int
    label_set: LabelSet
    labels: "NDArray[np.uint8]"
    affine: "NDArray[np.float64]"
    whole_scan: bool
    volumes: Sequence[StructureVolume]
    struck_voxels: int = 0
    coarse: "NDArray[np.float32] | None" = None
    findings: Sequence[Finding] = ()
    age: float | None = None
    ages: tuple[float, float] | None = None
    agreement: float | None = None
    disagreement: float | None = None


def appraise(result: Result) -> Quality:
    """Judge a result by what network and anatomy say of it.

    Parameters
    ----------
    result : Result

    Returns
    -------
    Quality
        Where nothing was found, or the scan shows no head, with these items alone.
        What is said of the brain is said where the label set covers it.
    """
    evidence = gather_evidence(result.maps, result.pool)
    nothing = tuple(_nothing(result, evidence))
    if nothing:
        return Quality(nothing)
    items = [_confidence(evidence), _borders(evidence)]
    if result.label_set.covers_brain:
        items += [_coarse(result, evidence), _stray(result, evidence)]
    items.append(_field_of_view(result))
    if result.label_set == LOD_BRAIN_7:
        items += [_symmetry(result, evidence), *_anatomy(result)]
    if result.agreement is not None:
        text = f"Dice with the answer for the scan mirrored and shifted {result.agreement:.3f}"
        items.append(_measured("agreement", result.agreement, text))
    if result.disagreement is not None:
        # What is usual depends on the protocols: a value to compare scans by, without a mark.
        text = f"inside the brain {result.disagreement:.1%} of the pairs of protocols differ"
        items.append(Item("protocols", None, text, {"share": result.disagreement}))
    if result.age is not None and result.ages is not None:
        items.append(_age(result.age, result.ages))
    slopes = measures_of(result.preset)
    return Quality(
        tuple(
            replace(item, mark=slopes[item.name].mark(item.values["value"]))
            if "value" in item.values
            else item
            for item in items
        )
    )


def _nothing(result: Result, evidence: Evidence) -> Iterator[Item]:
    for finding in result.findings:
        if finding.item == "head" and finding.verdict is Verdict.WARN:
            yield Item("head", 0.0, finding.text)
    if evidence.brain.any():
        return
    if result.label_set.covers_brain:
        yield Item("structures", 0.0, "no brain was found: the result is empty")
    else:
        text = "nothing was found: whether there is nothing cannot be told from that"
        yield Item("structures", NOTHING_MARK, text)


def _measured(name: str, value: float, text: str) -> Item:
    """Item whose mark the slopes of its network give."""
    return Item(name, None, text, {"value": value})


def _confidence(evidence: Evidence) -> Item:
    inside = evidence.brain & ~evidence.borders
    sure = float(evidence.probability[inside].mean()) if inside.any() else 0.0
    return _measured("confidence", sure, f"mean probability inside structures {sure:.3f}")


def _borders(evidence: Evidence) -> Item:
    vague = float(evidence.entropy[evidence.borders].mean())
    return _measured("borders", vague, f"mean entropy at borders {vague:.3f} of 1")


def _coarse(result: Result, evidence: Evidence) -> Item:
    name = "coarse level"
    if result.coarse is None:
        return Item(name, None, "the network has no coarse level to compare with")
    seen = largest_component(result.coarse < 0.5)
    voxel_mm = result.maps.shape[0] * result.pool // seen.shape[0]
    places = np.argwhere(evidence.brain) * evidence.step_mm + np.array(evidence.origin_mm)
    cells = places // voxel_mm
    counts = np.zeros(seen.shape, np.int64)
    np.add.at(counts, tuple(cells.T), 1)
    fine = counts >= (voxel_mm / evidence.step_mm) ** 3 / 2
    total = int(fine.sum() + seen.sum())
    dice = 2 * int((fine & seen).sum()) / total if total else 0.0
    return _measured(name, dice, f"Dice of the brain by coarse and fine level {dice:.3f}")


def _stray(result: Result, evidence: Evidence) -> Item:
    brain = int(evidence.brain.sum()) * (evidence.step_mm / result.pool) ** 3
    share = result.struck_voxels / brain
    return _measured("stray pieces", share, f"{share:.1%} of the brain were pieces apart, removed")


def _cut(result: Result) -> Finding | None:
    """Give the finding that the scan ends inside the cranium."""
    return next((f for f in result.findings if f.values.get("cranium_cut")), None)


def _field_of_view(result: Result) -> Item:
    name, cut = "field of view", _cut(result)
    if cut is not None:
        return Item(name, CUT_MARK, cut.text)
    if not result.whole_scan:
        return Item(name, None, "results on the conformed grid do not show where the scan ends")
    touching = 0.0
    voxel = np.linalg.norm(result.affine[:3, :3], axis=0)
    for axis in range(3):
        face_mm2 = float(np.prod(np.delete(voxel, axis)))
        for end in (0, -1):
            plane = np.take(result.labels, end, axis=axis) > 0
            touching = max(touching, float(plane.sum()) * face_mm2)
    text = f"{touching:.0f} mm2 of brain lie at an end of the field of view"
    return _measured(name, touching, text)


def _symmetry(result: Result, evidence: Evidence) -> Item:
    if _cut(result) is not None:
        return Item("symmetry", None, "cannot be told: the scan ends inside the head")
    halves = asymmetry(evidence.labels[::2, ::2, ::2], LOD_BRAIN_7.num_classes)
    if halves is None:
        return Item("symmetry", 0.0, "too little was found to compare left with right")
    apart = {label: halves[label] for label in _ALIKE if label in halves}
    worst = max(apart, key=apart.__getitem__, default=None)
    if worst is None:
        return Item("symmetry", 0.0, "no structure to compare left with right")
    name = LOD_BRAIN_7.labels[worst].name.lower()
    text = f"left and right {name} differ by {apart[worst]:.0%} of their sum"
    return _measured("symmetry", apart[worst], text)


def _anatomy(result: Result) -> Iterator[Item]:
    total = sum(v.volume_mm3 for v in result.volumes)
    whole_ml = total / 1000
    text = f"all structures have {whole_ml:.0f} ml"
    yield Item("brain volume", BRAIN_ML.mark(whole_ml), text, {"ml": whole_ml})
    for volume, label in zip(result.volumes, result.label_set.structures, strict=True):
        share = 100 * volume.volume_mm3 / total
        text = f"{volume.name.lower()}: {share:.1f} % of the brain"
        if not volume.voxels:
            text = f"{volume.name.lower()}: not found"
        yield Item(volume.name.lower(), ANATOMY[label.index].mark(share), text, {"percent": share})


def _age(age: float, ages: tuple[float, float]) -> Item:
    youngest, oldest = ages
    if youngest <= age <= oldest:
        return Item("age", 100.0, f"{age:g} years, as people that the network was trained on")
    text = f"{age:g} years: the network was trained on people of {youngest:g} to {oldest:g}"
    return Item("age", AGE_MARK, text, {"years": age})
