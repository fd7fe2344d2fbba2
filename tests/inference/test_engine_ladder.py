"""When memory runs out, an engine goes on with less and says so."""

from contextlib import nullcontext

import numpy as np
import pytest

from lodbrain_cli.errors import ResourceError
from lodbrain_cli.inference.engine import Engine
from lodbrain_cli.inference.execution import StagedNetwork
from lodbrain_cli.inference.memory import Budget
from lodbrain_cli.inference.openvino_engine import openvino_compiler
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import LodBrainConfig

GRAPH = read_graph(build_lod_brain(LodBrainConfig(heads=(4,), filters=(2, 4, 8))))
LARGE, SMALL = Budget(8 * 2**20), Budget(64 * 2**10)
IMAGE = np.random.default_rng(3).normal(size=(40, 32, 48)).astype(np.float32)


class OutOfMemoryError(Exception):
    """As JAX and TensorFlow say it."""

    def __init__(self):
        super().__init__("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.")


def network_with(most_voxels, budgets=(LARGE, SMALL), error=OutOfMemoryError):
    """A network on a device whose memory holds windows of so many voxels."""
    compile_stage = openvino_compiler(threads=1)

    def narrow(stage, keep_compiled):
        compiled = compile_stage(stage, keep_compiled)

        class Narrow:
            release = compiled.release

            def __call__(self, inputs, *rest):
                if max(tensor[0].size for tensor in inputs) > most_voxels:
                    raise error
                return compiled(inputs, *rest)

        return Narrow()

    return StagedNetwork(GRAPH, narrow, budgets=budgets)


def engine_with(network, on_cpu=None):
    return Engine("keras on jax", "gpu:0", 1, network, nullcontext, on_cpu)


@pytest.fixture(scope="module")
def expected():
    return StagedNetwork(GRAPH, openvino_compiler(threads=1)).predict(IMAGE).output


OPENVINO = RuntimeError("Exception from src/inference/src/dev/plugin.cpp:54:\nstd::bad_alloc\n")


@pytest.mark.parametrize("error", [OutOfMemoryError, MemoryError, OPENVINO])
def test_smaller_tiles_give_the_same_result_and_are_kept_for_the_next_scan(expected, error, caplog):
    engine = engine_with(network_with(IMAGE.size // 2, error=error))
    prediction = engine.predict(IMAGE)
    np.testing.assert_allclose(prediction.output, expected, atol=1e-5)
    assert prediction.notes == ("memory ran out on gpu:0: going on with tiles of 0.0625 MiB",)
    assert caplog.messages == list(prediction.notes)
    assert engine.predict(IMAGE).notes == ()
    assert engine.device == "gpu:0"


def test_the_cpu_is_the_last_step_and_the_engine_then_says_what_it_is(expected):
    cpu = Engine("openvino 1", "cpu", 1, network_with(IMAGE.size), nullcontext)
    engine = engine_with(network_with(1), lambda: cpu)
    prediction = engine.predict(IMAGE)
    np.testing.assert_allclose(prediction.output, expected, atol=1e-5)
    assert [note.partition(": ")[2] for note in prediction.notes] == [
        "going on with tiles of 0.0625 MiB",
        "going on with openvino 1 on the CPU",
    ]
    assert (engine.device, engine.name) == ("cpu", "openvino 1")


def test_at_the_end_of_the_ladder_the_user_is_told():
    with pytest.raises(ResourceError, match="memory ran out on gpu:0; free some"):
        engine_with(network_with(1)).predict(IMAGE)


def test_another_error_is_not_taken_for_missing_memory():
    with pytest.raises(ZeroDivisionError):
        engine_with(network_with(1, error=ZeroDivisionError)).predict(IMAGE)
