"""The protocols that NeuroNet learnt keep their tools' numbers, sides and tissues."""

import pytest

from lodbrain_cli.labels import LABEL_SETS, get_label_map, get_label_set
from lodbrain_cli.segmentation.disagreement import tissue_of_labels

BACKGROUND, GREY, WHITE, FLUID, UNKNOWN = 0, 1, 2, 3, 255


def name_of(protocol, number):
    label = get_label_map(protocol).reduce(number)
    return get_label_set(protocol).labels[label].name


@pytest.mark.parametrize(
    ("protocol", "names"),
    [
        ("fsl_fast", {0: "Background", 1: "Cerebrospinal fluid", 3: "White matter"}),
        ("fsl_first", {10: "Left thalamus", 16: "Brainstem", 26: "Left accumbens",
                       49: "Right thalamus", 53: "Right hippocampus", 58: "Right accumbens"}),
        ("malp_em", {2: "Fourth ventricle", 3: "Right accumbens", 7: "Brainstem",
                     17: "Left cerebral white matter", 18: "Cerebrospinal fluid",
                     30: "Left thalamus", 35: "Optic chiasm", 39: "Left basal forebrain",
                     40: "Right basal forebrain", 41: "Right anterior cingulate gyrus",
                     77: "Right middle frontal gyrus", 102: "Left precuneus",
                     138: "Left transverse temporal gyrus"}),
        ("malp_em_tissue", {1: "Ventricles", 4: "Cortical grey matter"}),
    ],
)  # fmt: skip
def test_a_number_of_a_tool_is_the_structure_that_the_tool_means(protocol, names):
    assert {number: name_of(protocol, number) for number in names} == names


@pytest.mark.parametrize(("protocol", "pairs"), [("fsl_first", 7), ("malp_em", 65)])
def test_every_structure_of_a_side_has_its_other_side(protocol, pairs):
    label_set = get_label_set(protocol)
    sided = [x.index for x in label_set.labels if x.name.startswith(("Left ", "Right "))]
    mirrored = label_set.mirrored
    assert len(sided) == 2 * pairs
    assert all(mirrored[i] != i and mirrored[mirrored[i]] == i for i in sided)
    assert all(mirrored[x.index] == x.index for x in label_set.labels if x.index not in sided)


def test_protocols_are_compared_by_tissue_where_they_name_one():
    assert tissue_of_labels(get_label_set("spm_tissue")).tolist() == [
        BACKGROUND, FLUID, GREY, WHITE
    ]  # fmt: skip
    first = tissue_of_labels(get_label_set("fsl_first"))
    assert (first[1:5] == GREY).all()
    assert first[5] == UNKNOWN  # the brainstem is of grey and white matter
    malp_em = tissue_of_labels(get_label_set("malp_em"))
    assert [malp_em[i] for i in (1, 17, 24, 30, 100)] == [FLUID, WHITE, FLUID, GREY, GREY]


def test_only_what_covers_the_brain_says_where_it_is():
    assert [s.name for s in LABEL_SETS.values() if not s.covers_brain] == ["fsl_first"]


def test_names_of_files_have_letters_and_digits_alone_and_differ():
    entities = [label_set.entity for label_set in LABEL_SETS.values()]
    assert all(entity.isalnum() for entity in entities)
    assert len(set(entities)) == len(entities)
    assert get_label_set("malp_em_tissue").entity == "malpemtissue"
