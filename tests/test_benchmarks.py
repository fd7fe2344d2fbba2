"""The scripts in benchmarks/ can be imported and corruptions do what their names say."""

import importlib
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module
    for name in SCRIPTS:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_fits_the_library(script, name):
    assert script(name).__doc__


@pytest.fixture
def head():
    """A brain of grey and white matter in a skull, brighter inside."""
    distance = np.linalg.norm(np.indices((64, 64, 64)) - 31.5, axis=0)
    labels = np.select([distance < 12, distance < 20], [3, 1], 0).astype(np.uint8)
    image = np.select([labels == 3, labels == 1, distance < 24], [100.0, 60.0, 80.0], 0.0)
    return image.astype(np.float32), labels


def corrupted(script, head, name, level):
    return script("corruptions").CORRUPTIONS[name][0](*head, level)


def test_noise_is_as_strong_as_it_says(script, head):
    noisy, labels = corrupted(script, head, "noise", 10)
    flat = (labels == 3) & (np.roll(labels, 4, 0) == 3) & (np.roll(labels, -4, 0) == 3)
    spread = noisy[flat].std() / np.median(noisy[flat])
    assert 0.07 < spread < 0.13


def test_what_is_cut_off_is_lost_in_image_and_labels(script, head):
    image, labels = corrupted(script, head, "crop", 10)
    occupied = np.flatnonzero(labels.any(axis=(0, 2)))
    before = np.flatnonzero(head[1].any(axis=(0, 2)))
    assert occupied[0] == before[0] + 10
    assert occupied[-1] == before[-1]
    assert not image[:, : occupied[0]].any()


def test_a_turned_head_takes_its_labels_along(script, head):
    image, labels = head
    marked = image.copy(), labels.copy()
    marked[1][40:44, 31, 31] = 6
    marked[0][40:44, 31, 31] = 200.0
    turned, found = corrupted(script, marked, "rotation", 90)
    assert (found == 6).any()
    assert turned[found == 6].mean() > 150


def test_without_its_skull_only_the_brain_is_left(script, head):
    image, labels = corrupted(script, head, "stripped", 0)
    assert not image[labels == 0].any()
    np.testing.assert_array_equal(image[labels > 0], head[0][labels > 0])


@pytest.fixture
def scanned(head):
    image, labels = head
    return nib.Nifti1Image(image, np.diag([2.0, 2, 2, 1])), np.where(labels == 1, 4, labels)


def test_a_field_of_view_is_cut_where_it_says(script, scanned):
    image, labels = scanned
    cut = script("altered").cut(2, 1, 10)(image, labels)
    top = int(np.flatnonzero((labels > 0).any(axis=(0, 1)))[-1])
    assert cut.shape == (64, 64, top + 1 - 5)
    padded = script("altered").cut(2, 1, 10, padded=True)(image, labels)
    assert padded.shape == image.shape
    assert not np.asarray(padded.dataobj)[..., top - 4 :].any()


def test_curves_exchange_the_order_of_tissues(script, scanned):
    image, labels = scanned
    labels = np.where((labels == 3) & (np.indices(labels.shape)[0] < 31), 1, labels)
    data = np.asarray(image.dataobj).copy()
    data[labels == 1], data[labels == 4] = 70.0, 30.0
    image = nib.Nifti1Image(data, image.affine)
    for name, order in (("flair_like", (4, 3, 1)), ("t2w_like", (3, 1, 4))):
        changed = np.asarray(getattr(script("altered"), name)(image, labels).dataobj)
        levels = [np.median(changed[labels == n]) for n in order]
        assert levels == sorted(levels)
        assert levels[0] < levels[-1]


def test_every_alteration_names_an_item_that_there_is(script, tmp_path):
    from .cli.test_check import ITEMS

    altered = script("altered").ALTERED
    assert {item for _, item in altered.values() if item} <= set(ITEMS)
