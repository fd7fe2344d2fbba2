"""Cleaning is SPEC A.7 a-e to the letter, and what it did is told."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.postprocessing import clean_probabilities, label_volume, most_probable
from lodbrain_cli.training.network_options import TargetOptions

LABELS = get_label_set("lod-brain-7")


def by_the_letter(probabilities: np.ndarray) -> np.ndarray:
    """SPEC A.7 a-e written out plainly, all maps at once, components by plain search."""

    def largest(mask):
        components, count = ndimage.label(mask)
        sizes = [np.sum(components == i) for i in range(1, count + 1)]
        return components == 1 + int(np.argmax(sizes)) if sizes else np.zeros_like(mask)

    p = np.stack([ndimage.gaussian_filter(c, 0.5, mode="reflect") for c in probabilities])
    background = p[0].copy()
    for label in (1, 2, 3, 5, 6):
        high = p[label] > 0.25
        p[label][high & ~largest(high)] = 0
    seg = p.argmax(0)
    brain = largest(seg > 0)
    for label in (1, 3, 5, 6):
        brain &= ~((seg == label) & ~largest(seg == label))
    p[:, ~brain] = 0
    p[0] = background
    return p


@pytest.fixture
def messy(rng) -> np.ndarray:
    """Smooth random maps with many islands, as a bad scan gives them."""
    logits = np.stack(
        [ndimage.gaussian_filter(rng.normal(size=(40, 36, 44)), 1.6) for _ in range(7)]
    )
    logits = 60 * logits + np.array([4.0, 2, 0, 1, 0, 0, 0])[:, None, None, None]
    e = np.exp(logits - logits.max(0))
    return (e / e.sum(0)).astype(np.float32)


def test_every_step_is_the_specifications(messy):
    expected = by_the_letter(messy.copy())
    maps, cleaning = clean_probabilities(ProbabilityMaps.whole(messy.copy()), LABELS)
    np.testing.assert_array_equal(maps.array(), expected)
    np.testing.assert_array_equal(label_volume(maps), expected.argmax(0))
    assert min(cleaning.zeroed_voxels.values()) > 0, "the case is messy enough to matter"
    assert cleaning.removed_voxels > 0


def test_a_brain_in_a_large_field_of_view_is_cleaned_the_same(messy):
    # Only a box around what is undecided is looked at; a faint island lies far away.
    wide = np.zeros((7, 90, 80, 100), np.float32)
    wide[0] = 1
    wide[:, 20:60, 30:66, 40:84] = messy
    for island, strength in (((80, 10, 10), 0.24), ((5, 70, 90), 0.9)):
        wide[(1, *island)], wide[(0, *island)] = strength, 1 - strength
    maps, _ = clean_probabilities(ProbabilityMaps.whole(wide.copy()), LABELS)
    np.testing.assert_array_equal(maps.array(), by_the_letter(wide.copy()))


@pytest.mark.parametrize("margin", [0, 1, 4])
def test_maps_of_a_part_are_cleaned_like_the_whole_volume(messy, margin):
    wide = np.zeros((7, 60, 80, 44), np.float32)
    wide[0] = 1
    wide[:, 20:60, 30:66, :] = messy  # the volume ends beside it on three sides
    box = (slice(20 - margin, 60), slice(30 - margin, 66 + margin), slice(0, 44))
    part = ProbabilityMaps(wide[(slice(None), *box)].copy(), box, wide.shape[1:])
    maps, _ = clean_probabilities(part, LABELS)
    assert maps.values.size < wide.size
    np.testing.assert_allclose(maps.array(), by_the_letter(wide.copy()), atol=1e-6)


def test_what_was_zeroed_is_counted_by_name():
    p = np.zeros((7, 20, 20, 20), np.float32)
    p[0] = 1
    p[:, 2:12, 2:12, 2:12] = 0
    p[1, 2:12, 2:12, 2:12] = 1
    p[:, 16, 16, 16] = 0
    p[1, 16, 16, 16] = 1  # an island of grey matter
    _, cleaning = clean_probabilities(ProbabilityMaps.whole(p), LABELS)
    counted = cleaning.by_name(LABELS)["zeroed_voxels"]
    assert counted["Cerebral grey matter"] == 1
    assert counted["Cerebellum"] == 0


def test_pieces_of_the_ventricles_stay():
    p = np.zeros((7, 24, 24, 24), np.float32)
    p[3, 2:22, 2:22, 2:22] = 1
    p[0] = 1 - p[3]
    for z in (6, 15):  # two separate ventricles inside white matter
        p[3, 8:14, 8:14, z : z + 4] = 0
        p[4, 8:14, 8:14, z : z + 4] = 1
    labels = label_volume(clean_probabilities(ProbabilityMaps.whole(p), LABELS)[0])
    assert ndimage.label(labels == 4)[1] == 2


def test_of_labels_that_do_not_cover_the_brain_all_pieces_stay():
    p = np.zeros((2, 24, 24, 24), np.float32)
    for place in ((4, 4, 4), (16, 16, 16)):
        p[(1, *(slice(start, start + 4) for start in place))] = 1
    p[0] = 1 - p[1]
    brain = get_label_set("brain")
    lesions = TargetOptions(label_set="brain", covers_brain=False).target().label_set
    lesions = replace(lesions, name="lesions")
    pieces = {}
    for names in (brain, lesions):
        cleaned, _ = clean_probabilities(ProbabilityMaps.whole(p.copy()), names)
        pieces[names.name] = ndimage.label(label_volume(cleaned))[1]
    assert pieces == {"brain": 1, "lesions": 2}


def test_most_probable_takes_the_lowest_index_of_equals_and_any_iterable(rng):
    p = rng.integers(0, 3, size=(5, 4, 4, 4)).astype(np.float32)
    np.testing.assert_array_equal(most_probable(p), p.argmax(0))
    np.testing.assert_array_equal(most_probable(iter(p)), p.argmax(0))


def test_nothing_but_background_stays_empty():
    p = np.zeros((7, 8, 8, 8), np.float32)
    p[0] = 1
    labels = label_volume(clean_probabilities(ProbabilityMaps.whole(p), LABELS)[0])
    assert not labels.any()
