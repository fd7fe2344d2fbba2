"""Many items in three stages: in order, one ahead and one behind, errors in their turn."""

import threading

import pytest

from lodbrain_cli.batch.overlap import in_stages


@pytest.mark.parametrize("overlap", [False, True])
def test_results_come_in_order_and_computing_stays_in_the_calling_thread(overlap):
    threads = set()

    def compute(item):
        threads.add(threading.current_thread())
        return item + 1

    found = in_stages(range(7), lambda i: i * 10, compute, lambda i: -i, overlap=overlap)
    assert list(found) == [-1, -11, -21, -31, -41, -51, -61]
    assert threads == {threading.current_thread()}
    assert list(in_stages([], int, int, int, overlap=overlap)) == []


def test_the_next_is_prepared_and_the_last_is_finished_while_one_is_computed():
    prepared, finished = [threading.Event() for _ in range(3)], threading.Event()

    def prepare(item):
        prepared[item].set()
        return item

    def compute(item):
        if item < 2:
            assert prepared[item + 1].wait(5), "the next one is read meanwhile"
        if item == 1:
            assert finished.wait(5), "the last one is written meanwhile"
        if item == 0:
            assert not prepared[2].is_set(), "but no more than one ahead"
        return item

    def finish(item):
        finished.set()
        return item

    assert list(in_stages(range(3), prepare, compute, finish, overlap=True)) == [0, 1, 2]


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("stage", range(3))
def test_an_exception_comes_in_its_items_turn(overlap, stage):
    def fail(number):
        def act(item):
            if number == stage and item == 1:
                raise ZeroDivisionError
            return item

        return act

    found = in_stages(range(3), fail(0), fail(1), fail(2), overlap=overlap)
    assert next(found) == 0
    with pytest.raises(ZeroDivisionError):
        list(found)
