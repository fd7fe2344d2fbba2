"""A network that sees the brain's box gets that box, wherever the first guess lay."""

from types import SimpleNamespace

import numpy as np
import pytest

from lodbrain_cli.imaging.extent import extent_around
from lodbrain_cli.imaging.intensity import z_score
from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
from lodbrain_cli.inference.located import LocatedEngine
from lodbrain_cli.inference.prediction import Prediction

SHAPE = (128, 160, 144)
BRAIN = (slice(40, 83), slice(50, 120), slice(44, 100))


@pytest.fixture
def image():
    volume = np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4")
    volume[BRAIN] += 100
    return volume


class Thresholds:
    """An engine that takes whatever is bright for brain; remembers what it was given."""

    name, device, threads = "thresholds", "cpu", 1

    def __init__(self, sees=lambda image: image > image.mean(), note=()):
        self.sees, self.note = sees, note
        self.given = []

    def predict(self, image, **_):
        self.given.append(image)
        brain = self.sees(image).astype("f4")
        maps = ProbabilityMaps.whole(np.stack([1 - brain, brain]))
        return Prediction(maps, seconds={"all": 1.0}, notes=self.note)


def located(finder, network):
    return LocatedEngine(network, (2,), finder, 4)


def found_brain(prediction):
    return prediction.maps.array()[1] > 0.5


def test_the_network_sees_the_box_normalised_by_itself(image):
    network = Thresholds()
    prediction = located(Thresholds(), network).predict(image)
    around = tuple(slice(s.start // 4 * 4, -(-s.stop // 4) * 4) for s in BRAIN)
    expected = z_score(image[extent_around(around, SHAPE)])
    np.testing.assert_allclose(network.given[0], expected)
    assert len(network.given) == 1
    assert found_brain(prediction)[BRAIN].all()
    assert found_brain(prediction).sum() == np.zeros(SHAPE, bool)[BRAIN].size
    np.testing.assert_allclose(prediction.computed, expected.size / image.size)


def test_intensities_count_up_to_a_factor_and_an_offset(image):
    first = located(Thresholds(), Thresholds()).predict(image)
    second = located(Thresholds(), Thresholds()).predict(3 * image - 7)
    np.testing.assert_array_equal(first.output, second.output)


def test_a_box_that_cuts_the_brain_grows(image):
    def corner(coarse):  # sees an eighth of the brain
        seen = np.zeros(coarse.shape, bool)
        seen[10:15, 13:20, 11:17] = True
        return seen

    network = Thresholds(lambda part: part > 0)
    prediction = located(Thresholds(corner), network).predict(image)
    assert len(network.given) > 1
    assert found_brain(prediction)[BRAIN].all()


def test_a_box_that_is_far_too_large_is_taken_anew(image):
    network = Thresholds()
    everything = Thresholds(lambda coarse: np.ones(coarse.shape, bool))
    prediction = located(everything, network).predict(image)
    assert [part.shape for part in network.given] == [SHAPE, extent_shape(BRAIN)]
    assert found_brain(prediction)[BRAIN].all()


def test_a_network_that_always_wants_another_box_ends(image):
    network = Thresholds(lambda part: np.ones(part.shape, bool))
    prediction = located(Thresholds(), network).predict(image)
    assert len(network.given) <= 4
    # The last box was all there is; that all of it is brain is not believed in silence.
    assert prediction.notes == ("the coarse level sees the brain elsewhere; look at the result",)


def test_what_does_not_cover_the_brain_neither_moves_its_box_nor_puts_it_in_doubt(image):
    corner = (slice(40, 44), slice(50, 54), slice(44, 48))

    def lesion(part):  # one in the brain, and a larger one in the box's corner
        seen = np.zeros(part.shape, bool)
        seen[:6, :6, :6] = True
        seen[inside] = True
        return seen

    around = tuple(slice(s.start // 4 * 4, -(-s.stop // 4) * 4) for s in BRAIN)
    box = extent_around(around, SHAPE)
    inside = tuple(
        slice(c.start - b.start, c.stop - b.start) for c, b in zip(corner, box, strict=True)
    )
    network = Thresholds(lesion)
    prediction = LocatedEngine(network, (2,), Thresholds(), 4, judges_box=False).predict(image)
    assert len(network.given) == 1
    assert prediction.notes == ()
    assert found_brain(prediction)[corner].all()
    assert found_brain(prediction).sum() == 4**3


def test_what_lies_far_from_where_the_brain_was_found_is_none(image):
    def with_muscle(part):
        seen = part > 0
        seen[5:9, -9:-5, 5:9] = True  # a corner of the box
        return seen

    prediction = located(Thresholds(), Thresholds(with_muscle)).predict(image)
    found = found_brain(prediction)
    assert found[BRAIN].all()
    assert found.sum() == np.zeros(SHAPE, bool)[BRAIN].size
    np.testing.assert_allclose(prediction.maps.array().sum(axis=0), 1)
    assert found_brain(prediction)[BRAIN].all()


def test_a_cord_does_not_pull_the_box_down(image):
    cord = (slice(60, 66), slice(120, 150), slice(70, 76))
    image[cord] = 100
    network = Thresholds()
    prediction = located(Thresholds(), network).predict(image)
    assert network.given[0].shape[1] == extent_shape(BRAIN)[1]
    assert found_brain(prediction)[BRAIN].all()


def test_a_face_that_hangs_on_the_finders_brain_is_not_of_it(image):
    def with_face(coarse):
        seen = coarse > coarse.mean()
        seen[14:16, 29:33, 16:18] = True  # a bridge
        seen[12:20, 33:38, 12:24] = True  # nearly as broad as the brain
        return seen

    image[48:80, 132:152, 48:96] = 100  # and bright, for the network too
    network = Thresholds()
    prediction = located(Thresholds(with_face), network).predict(image)
    assert network.given[0].shape == extent_shape(BRAIN)
    assert found_brain(prediction)[BRAIN].all()
    assert not found_brain(prediction)[:, 140:].any()


def test_where_nothing_is_found_the_network_is_not_run(image):
    network = Thresholds()
    nothing = Thresholds(lambda coarse: np.zeros(coarse.shape, bool))
    prediction = located(nothing, network).predict(image)
    assert not network.given
    assert prediction.computed == 0
    assert prediction.output.shape == (2, *SHAPE)
    assert (prediction.output[0] == 1).all()


def test_a_box_without_contrast_holds_no_brain(image):
    image[BRAIN] = 5.0
    image[extent_around(BRAIN, SHAPE)] = 5.0
    network = Thresholds()
    finder = Thresholds(
        lambda coarse: (coarse == coarse.max()) & (np.indices(coarse.shape)[0] < 20)
    )
    prediction = located(finder, network).predict(image)
    assert all(np.isfinite(part).all() for part in network.given)
    assert np.isfinite(prediction.output).all()


def test_what_happened_to_either_network_is_told(image):
    finder, network = Thresholds(note=("smaller tiles",)), Thresholds(note=("the CPU",))
    prediction = located(finder, network).predict(image)
    assert prediction.notes == ("smaller tiles", "the CPU")
    assert prediction.seconds == {"finder": 1.0, "all": 1.0}


def test_it_goes_by_the_name_and_device_of_the_network():
    network = SimpleNamespace(name="n", device="gpu:1", threads=3)
    both = LocatedEngine(network, (2,), Thresholds(), 4)
    assert (both.name, both.device, both.threads) == ("n", "gpu:1", 3)


def extent_shape(brain):
    return tuple(s.stop - s.start for s in extent_around(brain, SHAPE))
