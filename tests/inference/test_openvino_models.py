"""A process that meets heads of every size keeps no more than so many compiled models."""

import openvino as ov
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.inference.openvino_engine import OpenVinoStage
from lodbrain_cli.inference.recent import RecentModels


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_the_models_used_last_are_kept_and_no_others(asked, most):
    models, made = RecentModels(most), []

    def make(key):
        made.append(key)
        return str(key)

    kept: list[int] = []
    for key in asked:
        expected = len(made) + (key not in kept)
        assert models.get((0, key), lambda key=key: make(key)) == str(key)
        assert len(made) == expected, "made when it is not there, and then alone"
        kept = [*(k for k in kept if k != key), key][-most:]
        assert len(models) == len(kept)


def test_a_stage_that_is_gone_leaves_no_model_and_no_number_to_the_next():
    models, core = RecentModels(), ov.Core()
    numbers = []
    for _ in range(50):  # one after the other, at one address as likely as not
        stage = OpenVinoStage(None, core, {}, models, keep_compiled=True)
        numbers.append(stage._number)
        models.get((stage._number, "window"), lambda: None)
        assert len(models) == 1
        del stage
        assert len(models) == 0
    assert len(set(numbers)) == 50
