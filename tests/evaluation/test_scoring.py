"""Scores of a pair, and what many pairs say together."""

import numpy as np
import pytest
from nibabel.affines import from_matvec

from lodbrain_cli.evaluation.scoring import score_labels
from lodbrain_cli.evaluation.summary import MEAN_OF_CLASSES, class_means, summarise
from lodbrain_cli.labels import get_label_set

from ..phantoms import GRIDS, rotation

LABELS = get_label_set("lod-brain-7")
SHAPE = (13, 17, 11)
AFFINE = from_matvec(rotation((20, -10, 5)) @ GRIDS["LIA"] @ np.diag([0.8, 1.0, 2.5]), [3, 2, 1])


def scores(labels, reference):
    return {score.index: score for score in score_labels(labels, reference, AFFINE, LABELS)}


@pytest.fixture
def image():
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:6, 3:9, 2:7] = 1
    labels[8:11, 3:9, 2:7] = 2
    return labels


def test_volumes_are_in_mm3_on_oblique_anisotropic_grids(image):
    larger = image.copy()
    larger[2:6, 3:9, 7] = 1
    found = scores(larger, image)[1]
    assert found.reference_volume_mm3 == pytest.approx(4 * 6 * 5 * 2.0)
    assert found.volume_difference_mm3 == pytest.approx(4 * 6 * 2.0)
    assert found.volume_difference_percent == pytest.approx(20)
    assert scores(image, larger)[1].volume_difference_mm3 < 0


def test_a_class_that_is_in_neither_image_has_no_score(image):
    found = scores(image, image)[6]
    measures = found.measures()
    assert {name for name, value in measures.items() if not np.isnan(value)} == {
        "volume_mm3",
        "reference_volume_mm3",
        "volume_difference_mm3",
    }
    assert found.volume_difference_mm3 == 0


def test_a_class_that_is_in_one_image_only_scores_0_and_has_no_distance(image):
    missed = np.where(image == 2, 0, image).astype(np.uint8)
    found, invented = scores(missed, image)[2], scores(image, missed)[2]
    for score in (found, invented):
        assert score.dice == score.jaccard == 0
        assert np.isnan([score.hd95_mm, score.assd_mm]).all()
    assert found.volume_difference_percent == -100
    assert np.isnan(invented.volume_difference_percent)
    assert invented.volume_difference_mm3 > 0


def test_a_summary_counts_what_is_undefined_and_leaves_it_out(image):
    missed = np.where(image == 2, 0, image).astype(np.uint8)
    pairs = [score_labels(labels, image, AFFINE, LABELS) for labels in (image, missed, image)]
    rows = {(row.index, row.measure): row for row in summarise(pairs)}
    dice, distance = rows[2, "dice"], rows[2, "hd95_mm"]
    assert (dice.n, dice.undefined, dice.median) == (3, 0, 1)
    assert dice.mean == pytest.approx(2 / 3)
    assert dice.sd == pytest.approx(np.std([1, 0, 1], ddof=1))
    assert (distance.n, distance.undefined, distance.mean) == (2, 1, 0)
    assert (rows[6, "dice"].n, rows[6, "dice"].undefined) == (0, 3)
    assert np.isnan(rows[6, "dice"].median)
    assert rows[2, "absolute_volume_difference_percent"].mean == pytest.approx(100 / 3)
    assert rows[2, "volume_difference_percent"].mean == pytest.approx(-100 / 3)
    assert rows[None, "dice"].name == MEAN_OF_CLASSES
    np.testing.assert_allclose(class_means(pairs, "dice"), [1, 0.5, 1])


def test_icc_compares_predicted_with_reference_volumes(image):
    pairs = []
    for slices in (4, 6, 7, 9):
        reference = np.zeros(SHAPE, np.uint8)
        reference[:, :, :slices] = 1
        labels = np.zeros(SHAPE, np.uint8)
        labels[:, :, : slices + 1] = 1
        pairs.append(score_labels(labels, reference, AFFINE, LABELS))
    rows = {(row.index, row.measure): row for row in summarise(pairs)}
    assert rows[1, "volume_mm3"].icc_c1 == pytest.approx(1)
    assert 0.5 < rows[1, "volume_mm3"].icc_a1 < 1
    assert np.isnan(rows[1, "dice"].icc_a1)
    assert np.isnan(rows[2, "volume_mm3"].icc_a1)
