"""Windows cover everything, meet at the ends, and the more central one counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
from lodbrain_cli.inference.prediction import Prediction
from lodbrain_cli.inference.windows import WindowedEngine
from lodbrain_cli.presets import Windows


class Brightness:
    """Says brain by each voxel's value, and remembers what it was shown."""

    name, device, threads = "brightness", "cpu", 1

    def __init__(self):
        self.shapes = []

    def predict(self, image, **_):
        self.shapes.append(image.shape)
        return Prediction(ProbabilityMaps.whole(np.stack([1 - image, image])), seconds={"a": 1.0})


sides = st.tuples(*[st.integers(4, 14)] * 3)


@given(shape=sides, width=sides, halves=st.booleans(), seed=st.integers(0, 99))
def test_what_depends_on_a_voxel_alone_is_the_same_by_windows(shape, width, halves, seed):
    image = np.zeros(shape, np.float32)
    image[1:-1, 1:-1, 1:-1] = np.random.default_rng(seed).uniform(0.1, 1, [n - 2 for n in shape])
    network = Brightness()
    stride = tuple(max(1, n // (2 if halves else 1)) for n in width)
    maps = WindowedEngine(network, (2,), Windows(width, stride)).predict(image).maps
    np.testing.assert_allclose(maps.channel(1), image, atol=1e-6)
    np.testing.assert_allclose(maps.channel(0), 1 - image, atol=1e-6)
    # Every window has the trained shape wherever the volume is long enough.
    expected = tuple(min(n, w) for n, w in zip(shape, width, strict=True))
    assert set(network.shapes) == {expected}


class BlindAtTheBorder(Brightness):
    """Says background in the outer quarter of what it is shown."""

    def predict(self, image, **_):
        seen = np.zeros_like(image)
        inner = tuple(slice(side // 4, side - side // 4) for side in image.shape)
        seen[inner] = image[inner]
        return super().predict(seen)


def test_what_a_network_misses_near_the_border_of_a_window_is_found_in_another():
    image = np.random.default_rng(1).uniform(0, 0.4, (64, 64, 64)).astype(np.float32)
    image[20:44, 20:44, 20:44] = 1
    windows = Windows((32, 32, 32), (16, 16, 16))
    maps = WindowedEngine(BlindAtTheBorder(), (2,), windows).predict(image).maps
    found = maps.channel(1)[image == 1]
    # A voxel lies in the inner part of one window in eight: the plain mean would be 1/8.
    assert found.mean() > 5 / 8
    assert (found > 0.5).mean() > 0.75


def test_an_empty_volume_is_background_without_asking_the_network():
    network = Brightness()
    image = np.full((8, 8, 8), 3, np.float32)
    prediction = WindowedEngine(network, (2, 3), Windows((4, 4, 4), (4, 4, 4))).predict(image)
    assert not network.shapes
    assert prediction.computed == 0
    assert [prediction.maps.channel(c).mean() for c in range(5)] == [1, 0, 1, 0, 0]


def test_windows_that_leave_gaps_are_refused():
    with pytest.raises(ValueError, match="windows of"):
        Windows((4, 4, 4), (5, 4, 4))
