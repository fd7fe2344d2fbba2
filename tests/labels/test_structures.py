"""One reading of a brain's labels as structures and one as tissues, from three protocols."""

import pytest

from lodbrain_cli.labels import get_label_map, get_label_set
from lodbrain_cli.segmentation.disagreement import tissue_of_labels
from lodbrain_cli.training.tissues import TISSUES

PROTOCOLS = ("freesurfer", "synthseg", "muse")
SETS = ("structures", "tissues")


def name_of(label_map, number):
    found = get_label_map(label_map)
    return get_label_set(found.label_set).labels[found.reduce(number)].name


@pytest.mark.parametrize(
    ("label_map", "names"),
    [
        ("freesurfer-structures", {17: "Hippocampus", 53: "Hippocampus", 54: "Amygdala",
                                   1035: "Cerebral cortex", 5: "Ventricles", 24: "Background"}),
        ("muse-structures", {48: "Hippocampus", 47: "Hippocampus", 31: "Amygdala",
                             207: "Cerebral cortex", 30: "Accumbens", 46: "Background"}),
        ("synthseg-structures", {25: "Cerebral white matter", 137: "Ventricles"}),
        ("freesurfer-tissues", {24: "Fluid", 4: "Fluid", 8: "Grey matter", 16: "White matter"}),
        ("muse-tissues", {1: "Fluid", 60: "Grey matter", 40: "White matter"}),
    ],
)  # fmt: skip
def test_left_and_right_of_a_protocol_are_one_structure(label_map, names):
    assert {number: name_of(label_map, number) for number in names} == names


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_protocol_knows_is_known_and_in_one_place(protocol, name):
    seven, found = get_label_map(protocol), get_label_map(f"{protocol}-{name}")
    known = [n for n in range(3000) if seven.knows(n)]
    assert known == [n for n in range(3000) if found.knows(n)]
    assert all(sum(n in g for g in (*found.groups, found.ignored)) == 1 for n in known)
    # What is brain in the seven classes is brain in these, and the other way but for fluid.
    assert all(found.reduce(n) > 0 for n in seven.numbers)
    outside = {name_of(found.name, n) for n in found.numbers - seven.numbers}
    assert outside == ({"Fluid"} if name == "tissues" else set())


def test_every_class_has_numbers_in_every_protocol():
    for name in SETS:
        for protocol in PROTOCOLS:
            assert all(get_label_map(f"{protocol}-{name}").groups), (protocol, name)


def test_structures_and_tissues_agree_on_what_is_grey_white_and_fluid():
    structures, tissues = (get_label_map(f"freesurfer-{name}") for name in SETS)
    of_structure, of_tissue = (tissue_of_labels(get_label_set(name)) for name in SETS)
    for number in structures.numbers - {16}:  # the brainstem is of no one tissue
        assert of_structure[structures.reduce(number)] == of_tissue[tissues.reduce(number)], number


def test_no_painted_tissue_is_in_two_structures():
    for name in SETS:
        found = get_label_map(f"synthseg-{name}")
        for tissue in TISSUES:
            known = {found.reduce(n) for n in tissue.numbers if found.knows(n)}
            assert len(known) <= 1, tissue.name
