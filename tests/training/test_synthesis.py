"""Synthetic images: right labels by construction, the same again for the same seed."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy import ndimage

from lodbrain_cli.errors import InputError
from lodbrain_cli.labels import get_label_map
from lodbrain_cli.training.acquisition import NEUTRAL, apply_acquisition, sample_acquisition
from lodbrain_cli.training.contrasts import Contrast, apply_contrast, sample_contrast
from lodbrain_cli.training.deformation import Deformation, apply_deformation, sample_deformation
from lodbrain_cli.training.heads import head_of, tissue_classes
from lodbrain_cli.training.rims import RIMS, apply_rims
from lodbrain_cli.training.samples import (
    SampleGrid,
    SynthesisedSamples,
    network_sample,
    pooled_sample,
)
from lodbrain_cli.training.separable import acquisition_matrices, along_axes, spline_matrix
from lodbrain_cli.training.sulci import narrow_sulci
from lodbrain_cli.training.synthesis import Recipe, apply_synthesis, sample_synthesis
from lodbrain_cli.training.tissues import TISSUES, tissue_of
from lodbrain_cli.training.ventricles import narrow_ventricles

from .heads import label_map

#: Class of each tissue, and the target of each class.
SEVEN = tissue_classes(get_label_map("synthseg"))
EVERY = np.eye(7, dtype=np.float32)
WHITE, CORTEX, FLUID = (
    next(i for i, t in enumerate(TISSUES) if t.name == name)
    for name in ("cerebral white matter", "cerebral cortex", "cerebrospinal fluid")
)


@pytest.fixture(scope="module")
def head():
    return head_of(label_map().astype(np.int32), "phantom")


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def test_splines_sum_to_one_and_are_smooth():
    matrix = spline_matrix(50, 7)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-6)
    line = matrix @ np.arange(7)
    np.testing.assert_allclose(np.diff(line), np.diff(line)[0], atol=1e-5)


def test_matrices_work_along_their_own_axis(rng):
    volume = rng.normal(size=(3, 4, 5)).astype("float32")
    matrices = [rng.normal(size=(n + 1, n)).astype("float32") for n in volume.shape]
    expected = np.einsum("ax,by,cz,xyz->abc", *matrices, volume)
    np.testing.assert_allclose(numpy(along_axes(volume, matrices)), expected, rtol=1e-4)


def test_thick_slices_blur_along_the_axis_and_keep_a_constant():
    assert acquisition_matrices(64, 1.0, 1.0) is None
    acquire, restore = acquisition_matrices(64, 1.0, 4.0)
    assert np.count_nonzero(acquire.any(1)) == 16
    np.testing.assert_allclose(restore @ acquire @ np.ones(64), 1, atol=1e-5)
    step = restore @ acquire @ (np.arange(64) >= 32)
    assert 3 < np.count_nonzero((step > 0.1) & (step < 0.9)) < 9
    assert abs(step[31] + step[32] - 1) < 0.05  # it has not moved


def test_every_number_of_a_tissue_becomes_the_same_class():
    labels = get_label_map("synthseg")
    for index, tissue in enumerate(TISSUES):
        assert {labels.reduce(n) for n in tissue.numbers} == {SEVEN[index]}
        assert all(tissue_of(n) == index for n in tissue.numbers)
    for numbers in (*labels.groups, labels.ignored):
        assert all(tissue_of(n) is not None for n in numbers)


def test_a_head_is_cropped_and_gets_skin(head):
    assert max(head.tissues.shape) < 230
    assert head.tissues[0].max() == 0
    names = {TISSUES[i].name for i in np.unique(head.tissues)}
    assert {"skin", "soft tissue", "skull", "caudate"} <= names
    with pytest.raises(InputError, match="label 9999 is no number of FreeSurfer"):
        head_of(np.full((8, 8, 8), 9999, np.int32), "x")
    with pytest.raises(InputError, match="no brain"):
        head_of(np.zeros((8, 8, 8), np.int32), "x")


def test_no_deformation_gives_the_label_map_back(head):
    origin = np.array(head.origin_vox)
    still = Deformation(np.eye(3), 127.5 - origin, ())
    found = numpy(apply_deformation(head.tissues, still, (256, 256, 256), 1.0))
    box = tuple(slice(o, o + n) for o, n in zip(origin, head.tissues.shape, strict=True))
    np.testing.assert_array_equal(found[box], head.tissues)
    assert np.count_nonzero(found) == np.count_nonzero(head.tissues)


def test_a_deformation_moves_by_its_displacement(head):
    origin = np.array(head.origin_vox)
    shift = np.zeros((3, 4, 4, 4), np.float32)
    shift[1] = 6.0  # mm towards inferior
    centre = 127.75 - origin  # no voxel lies half-way between two
    moved = Deformation(np.eye(3), centre, (shift,))
    still = Deformation(np.eye(3), centre, ())
    shape = (128, 128, 128)
    a = numpy(apply_deformation(head.tissues, moved, shape, 2.0))
    b = numpy(apply_deformation(head.tissues, still, shape, 2.0))
    np.testing.assert_array_equal(a[:, :-3], b[:, 3:])


def test_deformations_do_not_fold(rng):
    for _ in range(20):
        drawn = sample_deformation(rng, np.zeros(3), (256.0, 256.0, 256.0))
        place = np.stack(
            [
                sum(
                    numpy(along_axes(f[k], [spline_matrix(64, n) for n in f.shape[1:]]))
                    for f in drawn.displacements_mm
                )
                for k in range(3)
            ]
        )
        slopes = np.stack([np.stack(np.gradient(p, 4.0)) for p in place])
        moved = np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3))
        assert np.mean(moved <= 0) < 1e-3


def test_tissues_are_as_bright_as_drawn():
    count = len(TISSUES)
    means = np.stack([np.linspace(0, 1, count)] * 2).astype("float32")
    contrast = Contrast(means, np.full(count, 0.01, np.float32), np.zeros((4, 4, 4), np.float32), 5)
    tissues = np.zeros((20, 20, 20), np.int32)
    tissues[5:15] = 7
    image = numpy(apply_contrast(ops.convert_to_tensor(tissues), contrast))
    assert abs(image[5:15].mean() - means[0, 7]) < 1e-3
    assert abs(image[5:15].std() - 0.01) < 1e-3


def test_t1w_is_dark_in_fluid_and_bright_in_white_matter(rng):
    names = [t.name for t in TISSUES]
    fluid, white = names.index("ventricles"), names.index("cerebral white matter")
    for _ in range(50):
        low, high = sample_contrast(rng, "t1w", (200.0, 200.0, 200.0)).means
        assert low[fluid] < 0.6 * low[white]
        assert high[fluid] < 0.6 * high[white]
    drawn = [sample_contrast(rng, "random", (99.0, 99.0, 99.0)).means[0] for _ in range(50)]
    assert any(m[fluid] > m[white] for m in drawn)


def test_a_scan_shows_what_was_drawn():
    image = np.zeros((40, 40, 40), np.float32)
    image[10:30, 10:30, 10:30] = 1.0
    tensor = ops.convert_to_tensor(image)

    def scanned(**changes):
        return numpy(apply_acquisition(tensor, replace(NEUTRAL, **changes), 1.0))

    np.testing.assert_allclose(scanned(), image, atol=2e-5)
    assert scanned(ghost=(0, 0.25, 0.2))[35, 20, 20] == pytest.approx(0.2, abs=1e-3)
    assert scanned(kept=((0.5, 1.0), (0.0, 1.0), (0.0, 1.0)))[:20].max() == 0
    np.testing.assert_allclose(scanned(gamma=2.0)[20, 20, 20], 1.0, atol=1e-4)
    noisy = scanned(noise=0.1)
    assert noisy[:5].mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.02)  # Rayleigh
    thick = scanned(slice_mm=(1.0, 5.0, 1.0))
    assert 0.2 < thick[20, 10, 20] < 0.8
    bright = scanned(centre_gain=np.array([1.0, 0, 0], np.float32))
    assert bright[20, 20, 20] > bright[11, 20, 20] > 0.5
    at_3t = scanned(bump=0.5, bump_mm=10.0, centre_mm=(0.0, 5.0, 0.0))
    assert np.unravel_index(at_3t.argmax(), at_3t.shape)[1] in (24, 25)
    assert at_3t[20, 11, 20] / at_3t.max() == pytest.approx(np.exp(-0.3), abs=0.1)


@pytest.mark.parametrize("contrast", ["t1w", "random"])
def test_an_image_is_sound_and_the_same_again(head, contrast):
    recipe = Recipe(t1w_share=float(contrast == "t1w"), stripped_share=0.0)
    results = []
    for _ in range(2):
        drawn = sample_synthesis(np.random.default_rng(4), head, (64, 64, 64), 4.0, recipe)
        image, tissues = apply_synthesis(head.tissues, drawn)
        results.append((numpy(image), SEVEN[numpy(tissues)]))
    (image, labels), (again, labels_again) = results
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(labels, labels_again)
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert set(np.unique(labels)) == set(range(7))


def test_a_brain_without_skull_is_all_that_is_left(head, rng):
    drawn = sample_synthesis(rng, head, (64, 64, 64), 4.0, Recipe(1.0, 1.0))
    assert drawn.stripping != "none"
    image, tissues = (numpy(x) for x in apply_synthesis(head.tissues, drawn))
    labels = SEVEN[tissues]
    assert np.median(image[labels > 0]) > 3 * np.median(image[labels == 0])


@pytest.mark.parametrize("shape", [(64, 64, 64), (44, 48, 52)])
def test_the_brain_lies_inside_the_image(head, shape):
    for seed in range(8):
        drawn = sample_synthesis(np.random.default_rng(seed), head, shape, 4.0, Recipe())
        _, labels = apply_synthesis(head.tissues, drawn)
        labels = SEVEN[numpy(labels)] > 0
        rim = labels.sum() - labels[1:-1, 1:-1, 1:-1].sum()
        assert rim < 0.03 * labels.sum()


def test_acquisitions_vary_but_stay_in_range(rng):
    drawn = [sample_acquisition(rng) for _ in range(200)]
    assert {max(a.slice_mm) > 3 for a in drawn} == {True, False}
    assert 0.02 < np.mean([a.ghost[2] > 0 for a in drawn]) < 0.25
    assert all(0 <= a.noise <= 0.04 for a in drawn)


def test_a_network_sees_a_normalised_image_and_shares_of_classes(rng):
    image = ops.convert_to_tensor(rng.normal(50, 7, (8, 8, 8)).astype("float32"))
    labels = rng.integers(0, 7, (8, 8, 8)).astype("int32")
    sample = network_sample(image, ops.convert_to_tensor(labels), 1, EVERY)
    assert abs(numpy(sample.image).mean()) < 1e-5
    assert abs(numpy(sample.image).std() - 1) < 1e-5
    part = network_sample(image, ops.convert_to_tensor(labels), 1, EVERY, whole_side=16)
    padded = np.zeros((16, 16, 16), np.float32)
    padded[:8, :8, :8] = numpy(image)
    expected = ((padded - padded.mean()) / padded.std())[:8, :8, :8]
    np.testing.assert_allclose(numpy(part.image)[0, ..., 0], expected, atol=1e-4)
    pooled = network_sample(image, ops.convert_to_tensor(labels), 2, EVERY)
    assert pooled.image.shape == (1, 4, 4, 4, 1)
    share = np.mean(labels[:2, :2, :2] == 3)
    assert numpy(pooled.target)[0, 0, 0, 0, 3] == pytest.approx(share)
    assert numpy(pooled.image)[0, 0, 0, 0, 0] == numpy(sample.image)[0, :2, :2, :2].max()


def test_shares_are_those_of_the_blocks_of_an_uneven_box(rng):
    image = ops.convert_to_tensor(rng.normal(size=(12, 8, 4)).astype("float32"))
    codes = rng.integers(0, 5, (12, 8, 4)).astype("int32")
    table = rng.random((5, 3)).astype("float32")
    for pool in (2, 4):
        blocks = table[codes].reshape(12 // pool, pool, 8 // pool, pool, 4 // pool, pool, 3)
        target = pooled_sample(image, ops.convert_to_tensor(codes), pool, table).target
        np.testing.assert_allclose(numpy(target)[0], blocks.mean((1, 3, 5)), atol=1e-6)


def test_a_number_always_gives_the_same_sample_and_uses_share_an_image(head):
    grid = SampleGrid(8.0, 2, ((32, 32, 32), (24, 32, 28)))

    def samples():
        return SynthesisedSamples(
            [head],
            grid,
            Recipe(),
            EVERY[SEVEN],
            (3,),
            images_per_draw=2,
            uses=2,
        )

    first, other = samples(), samples()
    drawn = {n: first(n) for n in range(8)}
    for n in (5, 2, 7):
        np.testing.assert_array_equal(numpy(drawn[n].image), numpy(other(n).image))
    for n in (0, 1, 4, 5):  # the second use is the first one's mirror image
        np.testing.assert_array_equal(numpy(drawn[n].target)[:, ::-1], numpy(drawn[n + 2].target))
    assert drawn[0].image.shape == drawn[1].image.shape  # one batch


def test_a_receive_field_is_the_same_whether_a_part_or_the_whole_is_shown(rng):
    drawn = sample_acquisition(rng)
    quiet = replace(drawn, noise=0.0, ghost=(0, 0.0, 0.0), slice_mm=(1.0,) * 3, gamma=1.0,
                    kept=((0.0, 1.0),) * 3)  # fmt: skip
    whole = numpy(apply_acquisition(ops.ones((64, 64, 64)), quiet, 4.0))
    part = numpy(apply_acquisition(ops.ones((32, 40, 24)), quiet, 4.0))
    inside = whole[16:48, 12:52, 20:44]
    np.testing.assert_allclose(part / part.max(), inside / inside.max(), rtol=1e-4)


def test_what_the_field_of_view_cuts_off_has_no_label(head):
    drawn = sample_synthesis(np.random.default_rng(3), head, (48, 48, 48), 4.0, Recipe())
    cut = replace(drawn.acquisition, kept=((0.0, 1.0), (0.4, 1.0), (0.0, 1.0)), noise=0.0)
    tissues = head.tissues
    image, labels = apply_synthesis(tissues, replace(drawn, acquisition=cut))
    labels, all_labels = SEVEN[numpy(labels)], SEVEN[numpy(apply_synthesis(tissues, drawn)[1])]
    assert all_labels[:, :19].any()
    assert not labels[:, :19].any()
    assert not numpy(image)[:, :19].any()
    np.testing.assert_array_equal(labels[:, 19:], all_labels[:, 19:])


@pytest.mark.parametrize("kept", [0.7, 0.5, 0.15])
def test_the_brain_grows_into_its_ventricles_and_nowhere_else(head, kept):
    before, after = head.tissues, narrow_ventricles(head.tissues, kept)
    assert before is not after
    ventricles, left = SEVEN[before] == 4, SEVEN[after] == 4
    assert kept <= left.sum() / ventricles.sum() < min(kept + 0.2, 1)
    assert not (left & ~ventricles).any()
    np.testing.assert_array_equal(before[~ventricles], after[~ventricles])
    assert (SEVEN[after][ventricles] > 0).all()  # brain, not fluid or air
    # Peeled from outside: what is left lies deeper than what is gone.
    depth = ndimage.distance_transform_edt(ventricles)
    assert depth[left].min() + 1 > depth[ventricles & ~left].max()


def test_ventricles_that_are_not_there_stay_so():
    none = np.zeros((9, 9, 9), np.uint8)
    np.testing.assert_array_equal(narrow_ventricles(none, 0.5), none)
    alone = np.full((5, 5, 5), next(i for i, t in enumerate(TISSUES) if t.name == "ventricles"))
    np.testing.assert_array_equal(narrow_ventricles(alone.astype(np.uint8), 0.5), alone)


def gaps(tissues, axis):
    """Lines of fluid along an axis that have cortex at both of their ends: where, and how long."""
    found = {}
    lines = np.moveaxis(tissues, axis, -1)
    for place in np.ndindex(lines.shape[:2]):
        line = lines[place]
        edges = np.flatnonzero(np.diff(line == FLUID)) + 1
        for start, stop in itertools.pairwise(edges):
            if line[start] == FLUID and line[start - 1] == line[stop] == CORTEX:
                found[place, start] = stop - start
    return found


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_sulci_become_narrower_and_none_is_closed(data):
    seed, sides = data.draw(st.integers(0, 2**32)), data.draw(st.integers(0, 2))
    rng = np.random.default_rng(seed)
    tissues = np.full((24, 20, 22), WHITE, np.uint8)
    tissues[:, :, 9:15] = CORTEX
    for _ in range(3):  # folds of fluid, across each other and side by side
        first, width = rng.integers(4, 18), rng.integers(1, 5)
        tissues[first : first + width, 3:17, 9:15] = FLUID
    axes = data.draw(st.permutations(range(3)))
    tissues = np.ascontiguousarray(tissues.transpose(axes))
    before, after = tissues.copy(), narrow_sulci(tissues, sides)
    np.testing.assert_array_equal(tissues, before)
    changed = before != after
    assert (before[changed] == FLUID).all()
    assert (after[changed] == CORTEX).all()
    across = axes.index(0)
    found = gaps(before, across)
    assert changed.any() == (sides > 0 and max(found.values()) > 1)
    inside = np.zeros((24, 20, 22), bool)
    inside[:, 4:16, 9:15] = True  # but for the ends of the folds
    inside = np.moveaxis(inside.transpose(axes), across, -1)
    for (place, start), width in found.items():
        if inside[place][start]:
            line = np.moveaxis(after, across, -1)[place][start : start + width]
            left = np.count_nonzero(line == FLUID)
            assert left == max(1, width - sides), "narrower, and never closed"


def test_fluid_upon_the_brain_and_heads_without_cortex_stay_as_they_are(head):
    none = np.zeros((9, 9, 9), np.uint8)
    np.testing.assert_array_equal(narrow_sulci(none, 2), none)
    slab = np.full((30, 30, 30), FLUID, np.uint8)
    slab[:15] = CORTEX
    np.testing.assert_array_equal(narrow_sulci(slab, 2), slab)
    np.testing.assert_array_equal(narrow_sulci(head.tissues, 0), head.tissues)


def test_narrow_sulci_change_nothing_else_of_what_is_drawn(head):
    drawn = [
        sample_synthesis(
            np.random.default_rng(5), head, (40, 40, 40), 4.0, Recipe(1, 0, 1, 1, share)
        )
        for share in (0.0, 1.0)
    ]
    assert drawn[0].narrowed_banks == 0 < drawn[1].narrowed_banks
    assert replace(drawn[1], narrowed_banks=0).ventricles_kept == drawn[0].ventricles_kept
    np.testing.assert_array_equal(drawn[0].deformation.matrix, drawn[1].deformation.matrix)


def test_beside_grey_matter_it_is_brighter_and_the_tissues_stay_as_they_are():
    tissues = np.full((8, 7, 9), FLUID, np.int32)
    tissues[:3], tissues[5:] = CORTEX, CORTEX  # a sulcus of two voxels between them
    painted = np.where(tissues == CORTEX, 0.8, 0.2).astype(np.float32)
    rimmed = numpy(apply_rims(painted, tissues, (0.5, 0.0), 1.0))
    np.testing.assert_array_equal(rimmed[tissues == CORTEX], painted[tissues == CORTEX])
    np.testing.assert_allclose(rimmed[3:5, 1:-1, 1:-1], 0.2 + 0.5 * 0.6, atol=1e-6)
    tissues[4] = CORTEX
    painted[4] = 0.8
    deeper = numpy(apply_rims(painted, tissues, (0.5, 0.0), 1.0))
    np.testing.assert_allclose(
        deeper[3, 1:-1, 1:-1], 0.2 + 0.9 * 0.6, atol=1e-6, err_msg="from both banks"
    )
    coarse = numpy(apply_rims(painted, tissues, (0.5, 0.0), 4.0))
    np.testing.assert_allclose(coarse[3, 1:-1, 1:-1], 0.2 + 0.25 * 0.6, atol=1e-6)


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_a_rim_lies_between_what_it_was_and_what_is_beside_it(seed):
    rng = np.random.default_rng(seed)
    tissues = rng.integers(0, len(TISSUES), (6, 7, 5)).astype(np.int32)
    painted = rng.random(tissues.shape).astype(np.float32)
    for number, rim in enumerate(RIMS):
        strengths = tuple(0.5 * (number == n) for n in range(len(RIMS)))
        rimmed = numpy(apply_rims(painted, tissues, strengths, 1.0))
        changed = rimmed != painted
        assert rim.outer[tissues[changed]].all()
        inner = painted[rim.inner[tissues] > 0]
        low, high = np.minimum(painted, inner.min()), np.maximum(painted, inner.max())
        assert ((rimmed >= low - 1e-6) & (rimmed <= high + 1e-6)).all()
    np.testing.assert_array_equal(numpy(apply_rims(painted, tissues, (0.0, 0.0), 1.0)), painted)


def test_rims_change_nothing_else_of_what_is_drawn(head):
    drawn = [
        sample_synthesis(
            np.random.default_rng(5),
            head,
            (40, 40, 40),
            4.0,
            Recipe(narrow_share=0, rims_share=share),
        )
        for share in (0.0, 1.0)
    ]
    assert not any(drawn[0].rims)
    for strength, rim in zip(drawn[1].rims, RIMS, strict=True):
        assert rim.strength[0] <= strength <= rim.strength[1]
    images, tissues = zip(*(apply_synthesis(head.tissues, d) for d in drawn), strict=True)
    np.testing.assert_array_equal(numpy(tissues[0]), numpy(tissues[1]))
    assert (numpy(images[0]) != numpy(images[1])).any()


def test_narrow_ventricles_change_nothing_else_of_what_is_drawn(head):
    drawn = [
        sample_synthesis(np.random.default_rng(5), head, (40, 40, 40), 4.0, Recipe(1, 0, 1, share))
        for share in (0.0, 1.0)
    ]
    assert drawn[0].ventricles_kept == 1 > drawn[1].ventricles_kept
    images, tissues = zip(*(apply_synthesis(head.tissues, d) for d in drawn), strict=True)
    wide, narrow = (np.count_nonzero(SEVEN[numpy(t)] == 4) for t in tissues)
    assert 0 < narrow < wide
    assert np.count_nonzero(numpy(images[0]) != numpy(images[1])) < 0.2 * numpy(images[0]).size
