"""Groups of people, and whether their scores differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.errors import InputError
from lodbrain_cli.evaluation.groups import Grouping, compare_groups, rank_test
from lodbrain_cli.evaluation.participants import group_people, read_participants
from lodbrain_cli.evaluation.scoring import ClassScore


def table(folder, text, name="participants.tsv"):
    (folder / name).write_text(text)
    return read_participants(folder / name)


def test_participants_are_found_by_the_names_of_pairs(tmp_path):
    people = table(
        tmp_path, "participant_id\tage\tsex\nsub-01\t31\tF\nsub-011\t40\tM\n02\tn/a\tM\n"
    )
    assert people.columns == ("age", "sex")
    assert people.of("sub-01") == {"age": "31", "sex": "F"}
    assert people.of("sub-01_ses-2_run-1")["age"] == "31"
    assert people.of("sub-011")["age"] == "40"
    assert people.of("sub-02") == {"sex": "M"}
    assert people.of("sub-0") == people.of("sub-012") == {}


def test_a_csv_without_bids_names_takes_its_first_column(tmp_path):
    people = table(tmp_path, "MRID,Age\nIXI12-HH-1415,58.7\nIXI12,3\n", "p.csv")
    assert people.of("IXI12-HH-1415_T1") == {"Age": "58.7"}
    assert people.of("folder/IXI12-GU_T1") == {"Age": "3"}


def test_tables_that_say_nothing_of_people_are_refused(tmp_path):
    with pytest.raises(InputError, match="twice"):
        table(tmp_path, "participant_id\tage\nsub-1\t3\n1\t4\n")
    with pytest.raises(InputError, match="at least one column"):
        table(tmp_path, "participant_id\n1\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_participants(tmp_path / "none.tsv")


@given(st.lists(st.floats(0, 99), min_size=2, max_size=40), st.integers(1, 20))
def test_ages_lie_in_the_bin_that_their_completed_years_name(ages, width):
    values = {f"p{n}": str(age) for n, age in enumerate(ages)}
    groups = group_people("Age", values, width)
    for name, people in groups.items():
        low, high = (int(part) for part in name.split("-"))
        for person in people:
            assert low <= int(float(values[person])) <= high
    firsts = [int(name.split("-")[0]) for name in groups]
    assert firsts == sorted(firsts)
    if groups:
        assert sum(len(people) for people in groups.values()) == len(ages)


def test_ages_of_five_years_are_those_of_the_authors_study():
    groups = group_people("age", {"a": "6", "b": "10.9", "c": "11", "d": "90"})
    assert groups == {"6-10": ("a", "b"), "11-15": ("c",), "86-90": ("d",)}


def test_words_few_numbers_and_many_numbers_make_groups():
    words = {"a": "F", "b": "M", "c": "F"}
    assert group_people("sex", words) == {"F": ("a", "c"), "M": ("b",)}
    assert list(group_people("tesla", {"a": "3", "b": "1.5", "c": "10"})) == ["1.5", "3", "10"]
    quarters = group_people("weight", {f"p{n}": str(50 + n) for n in range(40)})
    assert [len(people) for people in quarters.values()] == [10, 10, 10, 10]
    assert group_people("site", {"a": "x", "b": "x"}) == {}
    assert group_people("name", {str(n): f"name {n}" for n in range(25)}) == {}


def test_tests_are_by_ranks_and_leave_small_groups_out(rng):
    low, high = rng.uniform(0.7, 0.8, 12), rng.uniform(0.81, 0.9, 9)
    test, _, p = rank_test([low, high])
    assert test == "Mann-Whitney U"
    assert p < 1e-3
    test, statistic, p = rank_test([low, high, high])
    assert test == "Kruskal-Wallis"
    assert rank_test([low, high, high, np.array([0.1])]) == (test, statistic, p)
    assert rank_test([low, high[:4]])[0] == ""
    assert np.isnan(rank_test([np.ones(6), np.ones(7)])[2])


def test_groups_are_described_for_the_mean_and_for_each_class():
    def scores(first, second):
        return tuple(
            ClassScore(n, f"class {n}", dice, dice, 1.0, 1.0, 1.0, 1.0)
            for n, dice in enumerate((first, second), 1)
        )

    nan = float("nan")
    pairs = {"a": scores(0.8, 0.6), "b": scores(0.6, nan), "c": scores(0.4, 0.2)}
    grouping = Grouping("sex", {"F": ("a", "b", "failed"), "M": ("c",)})
    rows = {(row.name, row.group): row for row in compare_groups(grouping, pairs)}
    assert len(rows) == 6
    assert rows["Mean of classes", "F"].median == pytest.approx(0.65)
    assert rows["class 2", "F"].n == 1
    assert rows["class 1", "M"].q1 == pytest.approx(0.4)
    assert rows["class 1", "M"].test == ""
