"""A result is as good as its worst part, and the verdict says which part that is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.checking import Finding, Verdict
from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
from lodbrain_cli.imaging.volumetry import structure_volumes
from lodbrain_cli.labels import LOD_BRAIN_7, get_label_set
from lodbrain_cli.quality import Item, Quality, Result, Trust, appraise
from lodbrain_cli.quality.evidence import gather_evidence
from lodbrain_cli.quality.symmetry import asymmetry
from lodbrain_cli.quality.thresholds import FAIL_BELOW, WARN_BELOW, Range, Slope, measures_of

SIDE = 96
#: Label, centre and radii, in voxels of 2 mm: a brain of human proportions.
PARTS = (
    (1, (0, 0, 0), (34, 30, 40)),
    (3, (0, 0, 0), (28.5, 25, 34)),
    (2, (9, 0, 0), (8, 9, 13)),
    (2, (-9, 0, 0), (8, 9, 13)),
    (4, (4, -3, 0), (3, 7, 13)),
    (4, (-4, -3, 0), (3, 7, 13)),
    (5, (0, 27, -20), (24, 13, 14)),
    (6, (0, 27, 0), (7, 15, 7)),
)


def brain(*, without=(), turn=0.0):
    """(96, 96, 96) uint8 in voxels of 2 mm; `turn` in radians about the axis of slices."""
    x, y, z = np.indices((SIDE,) * 3) - (SIDE - 1) / 2
    x, z = x * np.cos(turn) - z * np.sin(turn), x * np.sin(turn) + z * np.cos(turn)
    labels = np.zeros((SIDE,) * 3, np.uint8)
    for label, centre, radii in PARTS:
        away = [(a - c) / r for a, c, r in zip((x, y, z), centre, radii, strict=True)]
        labels[sum(np.square(a) for a in away) <= 1] = label
    for label in without:
        labels[labels == label] = 3 if label != 3 else 1
    return labels


def result(labels, *, sure=0.98, **others):
    values = np.full((7, *labels.shape), (1 - sure) / 6, np.float32)
    np.put_along_axis(values, labels[None].astype(int), sure, axis=0)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    maps = ProbabilityMaps.whole(values)
    volumes = structure_volumes(labels, affine, LOD_BRAIN_7)
    given_ = {"coarse": (labels[::2, ::2, ::2] == 0).astype(np.float32), **others}
    return Result(maps, "lod-brain", 2, LOD_BRAIN_7, labels, affine, True, volumes, **given_)


def item(quality, name):
    return next(i for i in quality.items if i.name == name)


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.2])
def test_a_sure_result_of_a_brain_is_good_however_the_head_lies(turn):
    quality = appraise(result(brain(turn=turn)))
    assert quality.trust is Trust.PASS, quality.reasons
    assert quality.reasons == ()
    assert {i.name for i in quality.items} >= {
        "confidence",
        "coarse level",
        "symmetry",
        "brainstem",
    }


def test_an_unsure_result_is_not():
    good, vague = (appraise(result(brain(), sure=sure)) for sure in (0.98, 0.6))
    assert vague.trust is Trust.FAIL
    assert item(vague, "confidence").values["value"] == pytest.approx(0.6, abs=1e-4)
    assert item(vague, "borders").mark < item(good, "borders").mark
    assert "mean probability inside structures 0.600" in vague.reasons


def test_protocols_that_differ_are_told_and_have_no_mark():
    alone, several = (appraise(result(brain(), disagreement=x)) for x in (None, 0.4))
    assert "protocols" not in {i.name for i in alone.items}
    assert item(several, "protocols").mark is None
    assert "40.0% of the pairs of protocols differ" in item(several, "protocols").text
    assert several.score == alone.score


@pytest.mark.parametrize("label", [1, 2, 3, 4, 5, 6])
def test_a_structure_that_is_missing_is_named(label):
    quality = appraise(result(brain(without=(label,))))
    name = LOD_BRAIN_7.labels[label].name.lower()
    assert quality.trust is Trust.FAIL
    assert f"{name}: not found" in quality.reasons


@pytest.mark.parametrize("turn", [0.0, 0.5])
def test_basal_ganglia_on_one_side_only_are_seen_however_the_head_lies(turn):
    labels, whole = brain(turn=turn), brain(turn=turn)
    x, _, z = np.indices(labels.shape) - (SIDE - 1) / 2
    left = x * np.cos(turn) - z * np.sin(turn) < 0
    labels[left & (labels == 2)] = 3
    assert item(appraise(result(whole)), "symmetry").mark > 80
    lost = item(appraise(result(labels)), "symmetry")
    assert lost.mark == 0
    assert "basal ganglia" in lost.text


def test_brain_at_the_end_of_the_scan_counts_by_its_area():
    labels = brain()
    cut = labels[:, 40:]
    touching = item(appraise(result(cut, coarse=None)), "field of view")
    assert touching.values["value"] == np.count_nonzero(cut[:, 0]) * 4
    assert touching.mark < WARN_BELOW
    conformed = result(cut, coarse=None)
    elsewhere = Result(**{**vars(conformed), "whole_scan": False})
    assert item(appraise(elsewhere), "field of view").mark is None


def test_a_scan_that_ends_inside_the_cranium_never_passes():
    cut = Finding("field of view", Verdict.WARN, "the head is cut off", {"cranium_cut": True})
    quality = appraise(result(brain(), findings=(cut,)))
    assert quality.trust is Trust.WARN
    assert quality.reasons == ("the head is cut off",)
    lost = brain()
    lost[:40] = 0  # most of one half: no wonder that the halves differ
    assert item(appraise(result(lost, findings=(cut,))), "symmetry").mark is None
    assert item(appraise(result(lost)), "symmetry").mark < 50
    neck = Finding("field of view", Verdict.WARN, "larger than 256 mm", {"cranium_cut": False})
    assert appraise(result(brain(), findings=(neck,))).trust is Trust.PASS


def test_coarse_and_fine_level_that_see_other_brains_disagree():
    labels = brain()
    coarse = (labels[::2, ::2, ::2] == 0).astype(np.float32)
    same = item(appraise(result(labels, coarse=coarse)), "coarse level")
    assert same.values["value"] > 0.9
    other = item(appraise(result(labels, coarse=np.roll(coarse, 12, axis=0))), "coarse level")
    assert other.values["value"] < 0.7
    assert other.mark < WARN_BELOW
    assert item(appraise(result(labels, coarse=None)), "coarse level").mark is None


def test_what_cleaning_struck_out_counts_as_a_share_of_the_brain():
    labels = brain()
    voxels = np.count_nonzero(labels)
    few, many = (
        item(appraise(result(labels, struck_voxels=round(voxels * share))), "stray pieces")
        for share in (0.005, 0.15)
    )
    assert few.mark == 100
    assert many.values["value"] == pytest.approx(0.15, rel=0.01)
    assert many.mark < WARN_BELOW


def test_no_head_and_no_brain_fail_whatever_else():
    none = appraise(result(np.zeros((SIDE,) * 3, np.uint8)))
    assert (none.trust, none.score) == (Trust.FAIL, 0)
    assert none.reasons == ("no brain was found: the result is empty",)
    seen = Finding("head", Verdict.WARN, "no head was found")
    fruit = appraise(result(brain(), findings=(seen,)))
    assert fruit.trust is Trust.FAIL
    assert fruit.reasons == ("no head was found",)


@pytest.mark.parametrize(("age", "trust"), [(3, Trust.WARN), (30, Trust.PASS), (None, Trust.PASS)])
def test_an_age_that_nobody_trained_on_is_never_good(age, trust):
    quality = appraise(result(brain(), age=age, ages=(8.0, 90.0)))
    assert quality.trust is trust
    if age == 3:
        assert quality.reasons == ("3 years: the network was trained on people of 8 to 90",)


def test_other_label_sets_are_judged_without_anatomy():
    labels = (brain() > 0).astype(np.uint8)
    values = np.stack([labels == 0, labels > 0]).astype(np.float32)
    names = get_label_set("brain")
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    volumes = structure_volumes(labels, affine, names)
    maps = ProbabilityMaps.whole(values)
    quality = appraise(Result(maps, "lod-brain", 2, names, labels, affine, True, volumes))
    assert quality.trust is Trust.PASS
    assert {i.name for i in quality.items} == {
        "confidence", "borders", "coarse level", "stray pieces", "field of view",
    }  # fmt: skip


def lesions(labels):
    values = np.stack([labels == 0, labels > 0]).astype(np.float32)
    names = replace(get_label_set("brain"), name="lesions", covers_brain=False)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    volumes = structure_volumes(labels, affine, names)
    brain_seen = (brain()[::2, ::2, ::2] == 0).astype(np.float32)
    maps = ProbabilityMaps.whole(values)
    return appraise(Result(maps, "x", 2, names, labels, affine, True, volumes, coarse=brain_seen))


def test_labels_of_a_part_are_not_judged_as_a_brain():
    some = np.zeros((SIDE,) * 3, np.uint8)
    some[40:44, 40:44, 40:44] = 1
    found = lesions(some)
    assert found.trust is Trust.PASS
    assert {i.name for i in found.items} == {"confidence", "borders", "field of view"}
    none = lesions(np.zeros_like(some))
    assert none.trust is Trust.WARN, "that there is none cannot be told"
    assert none.reasons[0].startswith("nothing was found")


def test_evidence_of_cleaned_maps_is_that_of_what_is_left():
    maps = ProbabilityMaps.whole(np.zeros((7, 8, 8, 8), np.float32))
    maps.values[1] = 0.3  # the rest was struck out
    evidence = gather_evidence(maps, 2)
    assert (evidence.labels == 1).all()
    np.testing.assert_allclose(evidence.probability, 1)
    np.testing.assert_allclose(evidence.entropy, 0, atol=1e-5)
    even = gather_evidence(ProbabilityMaps.whole(np.full((7, 4, 4, 4), 1 / 7, np.float32)), 2)
    np.testing.assert_allclose(even.entropy, 1, rtol=1e-5)


def test_too_little_cannot_be_mirrored():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:8, 5:8, 5:8] = 1
    assert asymmetry(labels, 7) is None


def round_brain(turned: float, width: float = 1.04) -> np.ndarray:
    """A ball of cortex and white matter, as tall as wide, a cerebellum below at the back."""
    place = np.indices((48, 48, 48)) - 24.0
    angle = np.radians(turned)
    across = np.cos(angle) * place[0] - np.sin(angle) * place[1]
    down = np.sin(angle) * place[0] + np.cos(angle) * place[1]
    radius = np.sqrt((across / width) ** 2 + down**2 + (place[2] / 1.2) ** 2)
    labels = np.zeros(radius.shape, np.uint8)
    labels[radius < 18] = 1
    labels[radius < 14] = 3
    labels[(radius < 18) & (down > 8) & (place[2] > 0)] = 5
    return labels


@pytest.mark.parametrize("turned", [0, 35, 90])
def test_a_brain_as_tall_as_wide_is_halved_left_to_right_not_top_to_bottom(turned):
    halves = asymmetry(round_brain(turned), 7)
    assert halves is not None
    assert set(halves) == {1, 3, 5}
    assert max(halves.values()) < 0.12


def test_half_a_cerebellum_is_found_missing():
    one_sided = round_brain(0, width=0.8)
    one_sided[:24][one_sided[:24] == 5] = 0
    lost = asymmetry(one_sided, 7)
    assert lost is not None
    assert lost[5] > 0.6


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-2e3, 2e3))
@settings(max_examples=200)
def test_marks_go_from_0_to_100_and_only_one_way(well, worthless, value):
    if abs(well - worthless) < 1e-6:
        return
    slope = Slope(well, worthless)
    assert slope.mark(well) == 100
    assert slope.mark(worthless) == 0
    assert 0 <= slope.mark(value) <= 100
    better = value + (well - worthless)
    assert slope.mark(better) >= slope.mark(value)
    both = Range(Slope(0, -10), Slope(10, 20))
    assert both.mark(value) == min(both.low.mark(value), both.high.mark(value))


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=6))
def test_the_score_is_the_lowest_mark_and_reasons_are_what_lies_below(marks):
    quality = Quality(tuple(Item(f"i{n}", mark, f"text {n}") for n, mark in enumerate(marks)))
    known = [mark for mark in marks if mark is not None]
    assert quality.score == min(known, default=0.0)
    assert len(quality.reasons) == sum(mark < WARN_BELOW for mark in known)
    assert (quality.trust is Trust.FAIL) == (quality.score < FAIL_BELOW)
    assert quality.as_dict()["verdict"] == quality.trust.value


def test_a_network_has_the_slopes_of_its_own_and_others_those_of_the_released_one():
    released, packaged = measures_of("lod-brain"), measures_of("lod-brain-synth")
    assert measures_of("anything/else") == released
    assert released.keys() == packaged.keys()
    assert released["borders"] != packaged["borders"]
    one = result(brain(), sure=0.85)
    found = [item(appraise(r), "borders") for r in (one, replace(one, preset="lod-brain-synth"))]
    value = found[0].values["value"]
    assert 0.25 < value < 0.45, "between well and worthless"
    assert [i.mark for i in found] == [
        slopes["borders"].mark(value) for slopes in (released, packaged)
    ]
    assert found[0].mark != found[1].mark
