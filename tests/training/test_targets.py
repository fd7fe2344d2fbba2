"""Labels of several protocols stay together, whatever is done to the image."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.errors import UsageError
from lodbrain_cli.labels import Label, LabelMap, LabelSet, get_label_set
from lodbrain_cli.training.dataset import Pair
from lodbrain_cli.training.targets import UNKNOWN, Coding, Target, join_codes, tissue_coding


def target(name, *names, column="labels"):
    labels = tuple(Label(i, n, n, "#000000", None) for i, n in enumerate(("None", *names)))
    groups = tuple(frozenset({i}) for i in range(1, len(labels)))
    return Target(LabelSet(name, labels), LabelMap(name, name, groups, frozenset({0})), column)


SIDES = target("sides", "Left half", "Right half")
PARTS = target("parts", "A", "B", "C")


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_every_code_says_what_each_protocol_says(seed, everywhere):
    rng = np.random.default_rng(seed)
    sides = rng.integers(int(everywhere), 3, (3, 4, 5)).astype(np.uint8)
    parts = rng.integers(0, 4, (3, 4, 5)).astype(np.uint8)
    codes, classes = join_codes([sides, parts], [SIDES, PARTS])
    np.testing.assert_array_equal(classes[codes][..., 0], sides)
    np.testing.assert_array_equal(classes[codes][..., 1], parts)
    assert not classes[0].any()  # what comes in from outside is background
    coding = Coding(classes, (3, 4))
    np.testing.assert_array_equal(coding.brain[codes], (sides > 0) | (parts > 0))
    table = coding.table()[codes]
    np.testing.assert_array_equal(table[..., :3].argmax(-1), sides)
    np.testing.assert_array_equal(table[..., 3:].argmax(-1), parts)
    assert (table.sum(axis=-1) == 2).all()


def test_a_mirror_exchanges_left_and_right_and_nothing_else():
    coding = Coding(np.array([[0, 0], [1, 2], [2, 3]], np.uint8), (3, 4))
    mirrored = coding.mirrored([SIDES, PARTS])
    np.testing.assert_array_equal(mirrored.classes, [[0, 0], [2, 2], [1, 3]])


def test_a_head_without_labels_is_unknown_everywhere_and_stays_so_in_the_mirror():
    parts = np.random.default_rng(1).integers(0, 4, (3, 4, 5)).astype(np.uint8)
    codes, classes = join_codes([None, parts], [SIDES, PARTS])
    coding = Coding(classes, (3, 4)).mirrored([SIDES, PARTS])
    assert (coding.classes[:, 0] == UNKNOWN).all()
    table = coding.table()[codes]
    assert not table[..., :3].any()
    np.testing.assert_array_equal(table[..., 3:].argmax(-1), parts)
    np.testing.assert_array_equal(coding.brain[codes], parts > 0)


def test_painted_heads_teach_what_is_painted_and_nothing_of_a_column_they_leave_empty():
    seven = Target(get_label_set("lod-brain-7"))
    numbers = frozenset({4, 5, 14, 15, 24, 43, 44, 72})
    tissues = LabelMap("fluid", "fluid", (numbers,), frozenset(range(1000)) - numbers)
    fluid = Target(target("fluid", "Fluid").label_set, tissues, "fluid")
    pairs = {
        name: Pair("p", Path("p.nii.gz"), None, "synthseg", "train", (("fluid", path),))
        for name, path in (("same", Path("p.nii.gz")), ("none", None), ("other", Path("q.nii.gz")))
    }
    coding = tissue_coding([seven, fluid], [pairs["same"]] * 2)
    assert coding.classes[5].tolist() == [4, 1]  # the ventricles
    assert coding.classes[6].tolist() == [0, 1]  # the fluid around the brain
    coding = tissue_coding([seven, fluid], [pairs["none"]])
    assert (coding.classes[:, 1] == UNKNOWN).all()
    for mixed in (("same", "none"), ("other",)):
        with pytest.raises(UsageError, match="leave its cell empty in every row without an image"):
            tissue_coding([seven, fluid], [pairs[name] for name in mixed])
    with pytest.raises(UsageError, match="which no target learns from"):
        tissue_coding([fluid], [pairs["none"]])


def test_more_than_256_combinations_get_larger_codes():
    many = target("many", *map(str, range(1, 40)))
    volume = np.arange(40, dtype=np.uint8).repeat(40).reshape(40, 40, 1)
    codes, classes = join_codes([volume, volume.transpose(1, 0, 2).copy()], [many, many])
    assert codes.dtype == np.uint16
    assert len(classes) == 1600


def test_a_tissue_that_would_be_parted_is_refused():
    with pytest.raises(UsageError, match="synthetic images have the labels"):
        tissue_coding([target("parts", "A", column="other")])
    # Left and right cortex are one tissue.
    left = LabelMap("left", "sides", (frozenset({3}), frozenset({42})), frozenset({0}))
    with pytest.raises(UsageError, match="parts 'cerebral cortex'"):
        tissue_coding([Target(SIDES.label_set, left)])


def test_any_protocol_leads_to_the_brain_but_not_to_any_label_set():
    brain = Target(get_label_set("brain"))
    assert brain.map_of("muse").reduce(100) == 1
    coding = tissue_coding([Target(get_label_set("lod-brain-7")), brain])
    np.testing.assert_array_equal(coding.classes[:, 0] > 0, coding.classes[:, 1] == 1)
    with pytest.raises(UsageError, match="leads to 'lod-brain-7', not to 'sides'"):
        Target(SIDES.label_set).map_of("freesurfer")


def test_a_column_of_its_own_has_the_numbers_of_its_label_set_whatever_the_rows_are_of():
    first = Target(get_label_set("fsl_first"), column="fsl_first")
    assert [first.map_of("fsl_fast").reduce(n) for n in (10, 16, 58)] == [1, 5, 15]
    assert not first.map_of("fsl_fast").knows(1)
    with pytest.raises(UsageError, match="leads to 'fsl_fast', not to 'fsl_first'"):
        Target(get_label_set("fsl_first")).map_of("fsl_fast")


def test_the_numbers_of_one_protocol_lead_to_several_label_sets():
    structures = Target(get_label_set("structures"), column="structures")
    tissues = Target(get_label_set("tissues"))
    assert [structures.map_of("freesurfer").reduce(n) for n in (17, 24, 53)] == [11, 0, 11]
    assert [tissues.map_of("freesurfer").reduce(n) for n in (17, 24, 53)] == [2, 1, 2]
    # Where the protocol of the rows does not lead to it, a column has its own numbers.
    assert structures.map_of("spm_tissue").reduce(11) == 11
    painted = tissue_coding([Target(get_label_set("lod-brain-7")), Target(structures.label_set)])
    assert {tuple(row) for row in painted.classes} >= {(1, 2), (1, 11), (1, 12), (2, 6), (0, 0)}
