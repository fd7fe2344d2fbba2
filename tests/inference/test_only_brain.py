"""The fine level, computed only where the brain is, gives the labels of the whole volume."""

from dataclasses import replace

import numpy as np
import pytest

from lodbrain_cli.imaging.conform import to_conformed
from lodbrain_cli.imaging.intensity import z_score
from lodbrain_cli.imaging.nifti import read_t1w
from lodbrain_cli.inference.execution import StagedNetwork
from lodbrain_cli.inference.memory import Budget
from lodbrain_cli.inference.openvino_engine import openvino_compiler
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.networks.frozen import frozen_graph
from lodbrain_cli.postprocessing import clean_probabilities, label_volume

pytestmark = [pytest.mark.data, pytest.mark.weights, pytest.mark.slow]


@pytest.fixture(scope="module")
def network(released_weights):
    graph = frozen_graph("lod-brain", released_weights / "weights_lv1.h5", "lod-brain-release")
    return StagedNetwork(graph, openvino_compiler(threads=2))


@pytest.fixture(scope="module")
def image(data_dir):
    scan = read_t1w(data_dir / "heads/pumi_sub-001_T1w.nii.gz")
    return z_score(to_conformed(scan.data, scan.affine)[0])


@pytest.fixture(scope="module")
def whole(network, image):
    return network.predict(image)


@pytest.fixture(scope="module")
def near(network, image):
    return network.predict(image, only_brain=True)


def labels_of(prediction):
    maps = replace(prediction.maps, values=prediction.maps.values.copy())
    return label_volume(clean_probabilities(maps, get_label_set("lod-brain-7"))[0])


def check_like_the_whole(prediction, whole):
    reference = labels_of(whole)
    differing = np.count_nonzero(labels_of(prediction) != reference)
    assert differing < 1e-3 * np.count_nonzero(reference)
    for name, moments in whole.moments.items():
        np.testing.assert_allclose(prediction.moments[name], moments, rtol=1e-5)
    np.testing.assert_allclose(prediction.output.sum(axis=0), 1, atol=1e-5)


def test_labels_after_cleaning_and_moments_are_those_of_the_whole_volume(near, whole):
    assert near.computed < 0.25
    assert whole.computed == 1
    check_like_the_whole(near, whole)


def test_a_guess_that_is_far_too_small_grows_to_the_whole_brain(network, image, whole, monkeypatch):
    def one_cell(self, seen):
        cells = np.zeros([side // 4 for side in image.shape], bool)
        middle = np.argwhere(whole.output[3] > 0.99).mean(axis=0).astype(int) // 4
        cells[tuple(middle)] = True
        return cells

    monkeypatch.setattr(StagedNetwork, "_near_coarse_brain", one_cell)
    near = network.predict(image, only_brain=True)
    assert 0.05 < near.computed < 0.25
    check_like_the_whole(near, whole)


def test_the_same_options_give_the_same_bytes(network, image, near):
    assert network.predict(image, only_brain=True).output.tobytes() == near.output.tobytes()


def test_tiles_of_another_size_give_the_same_labels(released_weights, image, whole):
    graph = frozen_graph("lod-brain", released_weights / "weights_lv1.h5", "lod-brain-release")
    network = StagedNetwork(graph, openvino_compiler(threads=1), budgets=[Budget(3 * 2**20)])
    check_like_the_whole(network.predict(image, only_brain=True), whole)


def test_an_image_without_a_brain_is_background_everywhere(network):
    image = np.zeros((64, 64, 64), np.float32)
    output = network.predict(image, only_brain=True).output
    assert (output.argmax(axis=0) == 0).all()
