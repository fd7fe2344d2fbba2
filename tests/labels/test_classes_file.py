"""A table of classes is read as it says, or refused by its row."""

import pytest

from lodbrain_cli.errors import UsageError
from lodbrain_cli.labels import LABEL_SETS, get_label_map, read_classes
from lodbrain_cli.outputs.tables import label_table

HIPPOCAMPUS = """index\tname\tcolor\tnumbers
0\tBackground\t\t*
1\tLeft hippocampus\t#ff0000\t17
2\tRight hippocampus\t\t53
3\tCortex\t\t3 42, 1000-2999
"""


def write(folder, text, name="limbic.tsv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_and_ranges_become_classes_and_the_rest_background(tmp_path):
    label_set, label_map = read_classes(write(tmp_path, HIPPOCAMPUS))
    assert label_set.name == label_map.label_set == "limbic"
    assert [label.name for label in label_set.structures][2] == "Cortex"
    assert [label_map.reduce(n) for n in (17, 53, 42, 2035, 10)] == [1, 2, 3, 3, 0]
    assert label_map.knows(777)
    assert label_set.labels[1].color == "#ff0000"
    assert len({label.color for label in label_set.labels}) == 4


def test_left_and_right_change_places_in_a_mirror(tmp_path):
    label_set, _ = read_classes(write(tmp_path, HIPPOCAMPUS))
    assert label_set.mirrored == (0, 2, 1, 3)


def test_without_numbers_the_index_is_the_number_and_others_are_foreign(tmp_path):
    _, label_map = read_classes(write(tmp_path, "index,name\n0,None\n1,Tumour\n", "tumour.csv"))
    assert label_map.reduce(1) == 1
    assert label_map.knows(0)
    assert not label_map.knows(2)


@pytest.mark.parametrize("name", LABEL_SETS)
def test_a_printed_label_set_is_read_back(name, tmp_path):
    path = write(tmp_path, label_table(LABEL_SETS[name], "tsv"), f"{name}.tsv")
    assert read_classes(path)[0].labels == LABEL_SETS[name].labels


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name\nA\nB\n", "columns must be index, name"),
        ("index\tname\tsize\n0\tA\t1\n1\tB\t1\n", "columns must be index, name"),
        ("index\tname\n0\tA\n", "1 to 255 classes, got 1 rows"),
        ("index\tname\n0\tA\n2\tB\n", "row 3: index is '2'; expected 1"),
        ("index\tname\n0\tA\n1\t\n", "row 3: name is ''"),
        ('index\tname\n0\tA\n1\t"B\nC"\n', "expected one line of text"),
        ("index\tname\n0\tA\n1\tA\n", "two classes are named 'A'"),
        ("index\tname\tnumbers\n0\tA\t\n1\tB\t5\n2\tC\t3-7\n", "number 5 is in both 'B' and 'C'"),
        ("index\tname\tnumbers\n0\tA\t\n1\tB\t7-5\n", "row 3: numbers has '7-5'"),
        ("index\tname\tnumbers\n0\tA\t\n1\tB\t*\n", "row 3: numbers has '\\*'"),
        ("index\tname\tcolor\n0\tA\t\n1\tB\tred\n", "color is 'red'"),
        ("index\tname\tmapping\n0\tA\t\n1\tB\tx\n", "mapping is 'x'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_row(text, reason, tmp_path):
    with pytest.raises(UsageError, match=reason):
        read_classes(write(tmp_path, text))


def test_a_label_set_is_named_by_a_plain_file_name(tmp_path):
    with pytest.raises(UsageError, match="letters, digits, - and _"):
        read_classes(write(tmp_path, HIPPOCAMPUS, "a b.tsv"))
    with pytest.raises(UsageError, match="cannot be read as a table"):
        read_classes(tmp_path / "missing.tsv")


def test_all_structures_of_a_protocol_are_brain():
    brain = get_label_map("freesurfer").as_brain()
    assert brain.label_set == "brain"
    assert [brain.reduce(n) for n in (0, 24, 17, 2, 16)] == [0, 0, 1, 1, 1]
