"""Composed operations compute what they stand for, with fewer multiplications."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from lodbrain_cli.inference.compose import compose_graph, compose_kernels
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import get_preset

RELEASE = read_graph(build_lod_brain(get_preset("lod-brain").network))


def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(D, H, W, in) with (k, k, k, in, out), no padding, plainly."""
    return np.stack(
        [
            sum(
                correlate(image[..., i], kernel[..., i, o], mode="valid")
                for i in range(kernel.shape[3])
            )
            for o in range(kernel.shape[4])
        ],
        axis=-1,
    )


@settings(max_examples=20, deadline=None)
@given(
    first=st.sampled_from([1, 3]),
    second=st.sampled_from([1, 3]),
    channels=st.tuples(*[st.integers(1, 3)] * 3),
    seed=st.integers(0, 99),
)
def test_one_kernel_does_what_two_did(first, second, channels, seed):
    rng = np.random.default_rng(seed)
    into, middle, out = channels
    one = rng.normal(size=(first, first, first, into, middle)).astype("f4")
    two = rng.normal(size=(second, second, second, middle, out)).astype("f4")
    image = rng.normal(size=(8, 7, 9, into))
    both = convolve(convolve(image, one), two)
    np.testing.assert_allclose(convolve(image, compose_kernels(one, two)), both, atol=1e-4)


def multiplications(graph, output="probabilities") -> float:
    """Multiply-adds per voxel of the image."""
    total = 0.0
    for node in graph.needed_for(output).nodes.values():
        if node.kernel is not None:
            scale = graph.scales[node.name]
            shared = node.factor**3 if node.kind == "convolve_up" else 1
            total += node.kernel.size / shared / scale**3
    return total


def test_the_released_network_needs_a_third_of_the_multiplications():
    before = multiplications(RELEASE) * 256**3 / 1e9
    after = multiplications(compose_graph(RELEASE, "probabilities")) * 256**3 / 1e9
    assert 1150 < before < 1230  # SPEC A.10: about 1,190
    assert after < 390  # SPEC A.10: about 380


def test_every_normalisation_still_gets_its_tensor():
    composed = compose_graph(RELEASE, "probabilities")
    for node in RELEASE.nodes.values():
        if node.kind == "moments":
            assert composed.nodes[node.name].inputs == node.inputs
