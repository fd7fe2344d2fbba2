"""Shards cover a plan without overlap, whatever the scheduler and however it numbers its tasks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.batch.shards import Shard, parse_shard
from lodbrain_cli.errors import UsageError


@given(items=st.integers(0, 300), count=st.integers(1, 80))
def test_shards_are_a_disjoint_cover_of_even_parts(items, count):
    parts = [Shard(index, count).of(range(items)) for index in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == list(range(items))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert all(part == sorted(part) for part in parts), "in the plan's order"


def slurm(first, last, step):
    tasks = range(first, last + 1, step)
    for task in tasks:
        yield {
            "SLURM_ARRAY_TASK_ID": f"{task}",
            "SLURM_ARRAY_TASK_MIN": f"{first}",
            # Slurm says the last that there is, not the end of the range
            "SLURM_ARRAY_TASK_MAX": f"{tasks[-1]}",
            "SLURM_ARRAY_TASK_STEP": f"{step}",
            "SLURM_ARRAY_TASK_COUNT": f"{len(tasks)}",
        }


def sge(first, last, step):
    for task in range(first, last + 1, step):
        yield {
            "SGE_TASK_ID": f"{task}",
            "SGE_TASK_FIRST": f"{first}",
            "SGE_TASK_LAST": f"{last}",
            "SGE_TASK_STEPSIZE": f"{step}",
        }


@pytest.mark.parametrize("scheduler", [slurm, sge])
@given(first=st.integers(0, 20), length=st.integers(1, 40), step=st.integers(1, 7))
def test_any_range_with_any_start_and_step_is_every_shard_once(scheduler, first, length, step):
    tasks = list(scheduler(first, first + length - 1, step))
    shards = [parse_shard("auto", task) for task in tasks]
    assert shards == [Shard(i, len(tasks)) for i in range(1, len(tasks) + 1)]


@given(length=st.integers(1, 40), step=st.integers(1, 7))
def test_an_array_of_lsf_counts_from_one(length, step):
    tasks = [
        {"LSB_JOBINDEX": f"{i}", "LSB_JOBINDEX_END": f"{length}", "LSB_JOBINDEX_STEP": f"{step}"}
        for i in range(1, length + 1, step)
    ]
    shards = [parse_shard("auto", task) for task in tasks]
    assert shards == [Shard(i, len(tasks)) for i in range(1, len(tasks) + 1)]


@pytest.mark.parametrize(
    ("variable", "first"),
    [
        ("SLURM_ARRAY_TASK_ID", 1),
        ("SGE_TASK_ID", 1),
        ("PBS_ARRAY_INDEX", 1),
        ("PBS_ARRAYID", 1),
        ("LSB_JOBINDEX", 1),
        ("JOB_COMPLETION_INDEX", 0),
    ],
)
def test_with_the_number_of_tasks_said_the_index_is_enough(variable, first):
    shards = [parse_shard("auto/5", {variable: str(first + i)}) for i in range(5)]
    assert shards == [Shard(i, 5) for i in range(1, 6)]
    with pytest.raises(UsageError, match="expected 1 to 5"):
        parse_shard("auto/5", {variable: str(first + 5)})


def test_some_tasks_of_an_array_alone_are_not_taken_for_all_of_it():
    again = {
        "SLURM_ARRAY_TASK_ID": "8",
        "SLURM_ARRAY_TASK_MIN": "4",
        "SLURM_ARRAY_TASK_MAX": "15",
        "SLURM_ARRAY_TASK_STEP": "1",
        "SLURM_ARRAY_TASK_COUNT": "3",
    }
    with pytest.raises(UsageError, match="one of a list of tasks"):
        parse_shard("auto", again)
    assert parse_shard("auto/16", again) == Shard(8, 16)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "belongs to no job array"),
        ({"SGE_TASK_ID": "undefined"}, "belongs to no job array"),
        ({"LSB_JOBINDEX": "0"}, "belongs to no job array"),
        ({"PBS_ARRAY_INDEX": "3"}, "PBS does not tell how many"),
        ({"JOB_COMPLETION_INDEX": "3"}, "Kubernetes does not tell how many"),
        ({"SLURM_ARRAY_TASK_ID": "$(reboot)"}, "belongs to no job array"),
    ],
)
def test_what_the_environment_does_not_tell_is_asked_for(environment, message):
    with pytest.raises(UsageError, match=message):
        parse_shard("auto", environment)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "-1/4", "1", "x/y", "auto/", "1/4/2", "²/4"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="shard"):
        parse_shard(text, {"SLURM_ARRAY_TASK_ID": "1"})


def test_a_shard_is_read_as_it_is_said():
    assert parse_shard(" 3/8 ", {}) == Shard(3, 8)
