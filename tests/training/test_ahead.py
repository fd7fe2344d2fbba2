"""Batches come in order, each made once, one ahead and none beyond the last."""

import threading

import numpy as np
import pytest

from lodbrain_cli.training.ahead import BatchesAhead
from lodbrain_cli.training.samples import Sample


class Counted:
    """Samples that hold their number; remembers who made which."""

    def __init__(self):
        self.made, self.threads = [], set()

    def __call__(self, number):
        self.made.append(number)
        self.threads.add(threading.current_thread())
        return Sample(np.full((1, 2, 2, 2, 1), number, "f4"), np.zeros((1, 2, 2, 2, 3), "f4"))


def test_a_batch_holds_the_samples_of_its_step():
    samples = Counted()
    with BatchesAhead(samples, 3, 5) as batches:
        for step in range(2, 5):
            image, target = batches.take(step)
            assert np.asarray(image)[:, 0, 0, 0, 0].tolist() == [
                3 * step,
                3 * step + 1,
                3 * step + 2,
            ]
            assert target.shape == (3, 2, 2, 2, 3)
    assert samples.made == list(range(6, 15))
    assert samples.threads.isdisjoint({threading.current_thread()})
    assert len(samples.threads) == 1


def test_the_next_batch_is_made_meanwhile():
    begun = threading.Event()
    samples = Counted()

    def slow(number):
        if number == 1:
            begun.set()
        return samples(number)

    with BatchesAhead(slow, 1, 9) as batches:
        batches.take(0)
        assert begun.wait(10)


def test_what_goes_wrong_in_the_making_is_raised_where_it_is_taken():
    def broken(number):
        if number == 1:
            msg = "no such volume"
            raise OSError(msg)
        return Counted()(number)

    with BatchesAhead(broken, 1, 9) as batches:
        batches.take(0)
        with pytest.raises(OSError, match="no such volume"):
            batches.take(1)
