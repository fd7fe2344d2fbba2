"""Every item of a check, on heads of ellipsoids: what is right passes, what is wrong is said."""

import contextlib
import json

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.checking import Verdict, check
from lodbrain_cli.errors import InputError
from lodbrain_cli.imaging.nifti import read_t1w

from ..phantoms import GRIDS, paint, rotation
from .heads import FLAIR, T1W, T2W, head


def found(report, item):
    (finding,) = [f for f in report.findings if f.item == item]
    return finding


def warned(report):
    return [f.item for f in report.findings if f.verdict in (Verdict.WARN, Verdict.REFUSE)]


def with_values(image, values, dtype=np.float32):
    changed = nib.Nifti1Image(np.asarray(values, dtype), image.affine, dtype=dtype)
    changed.header.set_xyzt_units("mm")
    changed.set_qform(image.affine, 1)
    changed.set_sform(image.affine, 1)
    return changed


@pytest.fixture(scope="module")
def whole():
    return head()


@pytest.fixture(scope="module")
def values(whole):
    return np.asarray(whole.dataobj)


# A head as it should be


@pytest.mark.parametrize("name", GRIDS)
def test_a_head_is_ok_along_all_axes(name):
    shape = {"LIA": (100, 120, 120), "PIR": (120, 120, 100)}.get(name, (100, 120, 120))
    report = check(head(GRIDS[name], shape=shape))
    assert warned(report) == []
    assert report.verdict is Verdict.OK
    assert found(report, "axes").values["axes"] == name
    assert found(report, "contrast").text == "T1w-like"


@settings(max_examples=12)
@given(
    turn=st.tuples(*[st.floats(-15, 15)] * 3),
    voxel_mm=st.tuples(st.floats(0.9, 2.2), st.floats(0.9, 2.2), st.floats(1.5, 2.6)),
    odd=st.integers(0, 1),
)
def test_a_head_is_ok_however_it_was_prescribed(turn, voxel_mm, odd):
    shape = tuple(int(side / mm) + odd for side, mm in zip((200, 236, 250), voxel_mm, strict=True))
    report = check(head(rotation(turn), voxel_mm, shape))
    assert warned(report) == []


def test_a_report_is_plain_data(whole):
    document = check(whole).as_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["verdict"] == "ok"
    assert {row["verdict"] for row in document["items"]} <= {v.value for v in Verdict}


def test_scaled_and_shifted_intensities_change_no_verdict(values, whole):
    for changed in (values * 1e-3, values * 1e4, values - 300, (values - 40) / 35):
        assert warned(check(with_values(whole, changed))) == []


# The header


def test_missing_and_disagreeing_orientation_are_said_as_segment_says_it(tmp_path, whole, values):
    bare = nib.Nifti1Image(values, None)
    bare.header.set_zooms((2, 2, 2))
    both = with_values(whole, values)
    moved = whole.affine.copy()
    moved[1, 3] += 6
    both.set_qform(moved, 1)
    for image in (bare, both):
        report = check(image)
        assert warned(report) == ["orientation"]
        assert (found(report, "orientation").text,) == read_t1w(image).warnings


def test_pixdim_that_contradicts_the_only_orientation_is_said(whole, values):
    image = with_values(whole, values)
    image.set_qform(None, 0)
    image.header["pixdim"][1:4] = 1.0
    report = check(image)
    assert warned(report) == ["voxel size"]
    assert "1 x 1 x 1 in the header's pixdim" in found(report, "voxel size").text


def test_thick_slices_warn_with_the_factor():
    report = check(head(voxel_mm=(1.5, 1.5, 5.0), shape=(130, 160, 48)))
    assert found(report, "voxel size").verdict is Verdict.WARN
    assert found(report, "voxel size").values["upsampling"] == 5.0


def test_sheared_and_strongly_tilted_axes_warn(whole, values):
    sheared = whole.affine.copy()
    sheared[:3, 1] += 0.2 * sheared[:3, 0]
    assert "off right angles" in found(check(nib.Nifti1Image(values, sheared)), "axes").text
    tilted = check(head(rotation((41, 0, 0)), shape=(110, 130, 130)))
    assert found(tilted, "axes").verdict is Verdict.WARN
    assert found(tilted, "axes").values["tilt_degrees"] == pytest.approx(41, abs=0.1)


def test_units_other_than_mm_warn_and_unsaid_ones_do_not(whole, values):
    image = with_values(whole, values)
    for code, verdict in ((0, Verdict.OK), (1, Verdict.WARN), (3, Verdict.WARN), (5, Verdict.WARN)):
        image.header["xyzt_units"] = code
        assert found(check(image), "units").verdict is verdict


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_whole_numbers_of_eight_bytes_warn(whole, values, dtype):
    report = check(with_values(whole, 10 * values, dtype))
    assert warned(report) == ["data type"]
    assert str(np.dtype(dtype)) in found(report, "data type").text


def test_a_slope_is_shown_and_a_negative_one_warns(tmp_path, whole, values):
    for slope, verdict in ((2.5, Verdict.OK), (-1.0, Verdict.WARN)):
        image = nib.Nifti1Image(np.rint(values).astype(np.int16), whole.affine)
        image.header.set_slope_inter(slope, 0)
        nib.save(image, tmp_path / "a.nii")
        finding = found(check(tmp_path / "a.nii"), "data type")
        assert finding.verdict is verdict
        assert finding.values["slope"] == slope


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_mgh_is_checked_too(tmp_path, whole, values):
    nib.save(nib.freesurfer.MGHImage(values, whole.affine), tmp_path / "a.mgz")
    assert warned(check(tmp_path / "a.mgz")) == []


# Intensities


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(whole, values, bad):
    broken = values.copy()
    broken[3, 4, 5] = bad
    report = check(with_values(whole, broken))
    assert report.verdict is Verdict.REFUSE
    assert "1 of 1440000 voxels" in found(report, "intensities").text
    assert found(report, "orientation").verdict is Verdict.OK  # the rest is still looked at


def test_a_constant_image_is_refused(whole, values):
    report = check(with_values(whole, np.full_like(values, 3)))
    assert report.verdict is Verdict.REFUSE
    assert "all voxels have the value 3" in found(report, "intensities").text


def test_a_label_image_is_not_taken_for_a_scan(whole, values):
    assert "label image" in found(check(with_values(whole, values // 20)), "intensities").text


def test_a_few_huge_voxels_warn(whole, values):
    broken = values.copy()
    broken[50, 60, :5] = 1e6
    assert "intensities" in warned(check(with_values(whole, broken)))


def test_four_dimensions_are_refused_with_what_to_do(whole, values):
    image = nib.Nifti1Image(np.stack([values, values / 2], -1), whole.affine)
    report = check(image)
    assert report.verdict is Verdict.REFUSE
    assert "choose one with --frame 0 ... --frame 1" in found(report, "dimensions").text
    assert warned(check(image, frame=1)) == []


# The head


def ball(radius_mm, noise):
    shape = (120, 120, 120)
    distance = 2 * np.linalg.norm(np.indices(shape) - 59.5, axis=0)
    air = np.abs(np.random.default_rng(3).normal(0, noise, shape))
    return np.where(distance < radius_mm, 100.0, 0.0) + air


@pytest.mark.parametrize("thing", ["noise", "small", "phantom", "shell"])
def test_what_is_no_head_is_said_and_not_looked_at_further(thing):
    volume = {
        "noise": np.abs(np.random.default_rng(3).normal(0, 50, (120, 120, 120))),
        "small": ball(25, 2),
        "phantom": ball(80, 2),
        "shell": ball(80, 2) - 0.97 * ball(70, 2),
    }[thing]
    report = check(nib.Nifti1Image(volume.astype(np.float32), np.diag([2.0, 2, 2, 1])))
    assert "head" in warned(report)
    assert found(report, "contrast").verdict is Verdict.UNKNOWN


SIDES = {"left": 0, "right": 0, "posterior": 1, "anterior": 1, "superior": 2}


@pytest.mark.parametrize("grid", ["RAS", "LPS"])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("padded", [False, True])
def test_a_head_cut_off_is_said_with_its_side(grid, side, padded):
    image = head(GRIDS[grid])
    canonical = nib.as_closest_canonical(image)
    lost = 24 if side in ("left", "right") else 22  # voxels of 2 mm; the brain is cut
    first = side in ("left", "posterior")
    kept = [slice(None)] * 3
    kept[SIDES[side]] = slice(lost, None) if first else slice(None, -lost)
    if padded:
        data = np.zeros(canonical.shape, np.float32)
        data[tuple(kept)] = np.asarray(canonical.dataobj)[tuple(kept)]
        cut = nib.Nifti1Image(data, canonical.affine)
    else:
        cut = canonical.slicer[tuple(kept)]
    cut = cut.as_reoriented(nib.io_orientation(np.linalg.inv(image.affine) @ canonical.affine))
    finding = found(check(cut), "field of view")
    assert finding.verdict is Verdict.WARN
    areas = finding.values["touching_mm2"]
    assert max(areas, key=areas.get) == side
    assert f"{side} (" in finding.text


def test_a_field_of_view_that_ends_above_the_base_of_the_brain_is_said(whole):
    report = check(whole.slicer[:, :, 52:])
    assert "mm below the top of the head" in found(report, "field of view").text


def test_air_beyond_the_grid_is_told_and_no_warning():
    finding = found(check(head(voxel_mm=(2.0, 2.3, 2.3), shape=(100, 120, 120))), "field of view")
    assert finding.verdict is Verdict.OK
    assert finding.text.startswith("holds the cranium; the field of view is larger than 256 mm")


def test_a_head_beyond_the_grid_is_a_warning():
    image = head(voxel_mm=(2.0, 2.3, 2.3), shape=(100, 120, 120))
    # The same head twice as large, as of a header in wrong units: no grid of 256 mm holds it.
    affine = image.affine @ np.diag([2, 2, 2, 1])
    finding = found(check(nib.Nifti1Image(image.dataobj, affine)), "field of view")
    assert finding.verdict is Verdict.WARN
    assert "cut off by the field of view" in finding.text
    assert "larger than 256 mm" in finding.text


@settings(max_examples=8)
@given(st.floats(1.0, 25.0))
def test_noise_is_measured_as_strong_as_it_is(percent):
    finding = found(check(head(noise=percent)), "noise")
    assert finding.values["noise_percent"] == pytest.approx(percent, rel=0.2, abs=0.3)
    assert (finding.verdict is Verdict.WARN) == (finding.values["snr"] < 8)


@pytest.mark.parametrize(("contrast", "word"), [(T2W, "fluid is bright"), (FLAIR, "FLAIR")])
@pytest.mark.parametrize("skull", [True, False])
def test_other_contrasts_are_not_t1w_like(contrast, word, skull):
    finding = found(check(head(contrast=contrast, skull=skull)), "contrast")
    assert finding.verdict is Verdict.WARN
    assert word in finding.text


def test_an_inverted_head_is_not_t1w_like(whole, values):
    inverted = np.where(values > 8, 130 - values, values)
    assert "contrast" in warned(check(with_values(whole, inverted)))


def test_noise_does_not_make_a_t1w_head_another_contrast():
    assert found(check(head(noise=22.0)), "contrast").verdict in (Verdict.OK, Verdict.UNKNOWN)


def test_a_head_without_skull_says_so_and_nothing_else():
    report = check(head(skull=False))
    assert warned(report) == ["skull"]
    assert found(report, "face").text == "removed with the skull"


def test_a_real_brain_without_skull_says_so():
    pytest.importorskip("nilearn")
    from lodbrain_cli.cli.demo import _template

    report = check(_template())
    assert warned(report) == ["skull"]
    assert found(report, "contrast").text == "T1w-like"


def test_masked_air_alone_is_not_taken_for_stripping(whole, values):
    masked = np.where(values > 5, values, 0)
    assert warned(check(with_values(whole, masked))) == []


def test_a_face_cut_off_is_seen_and_harmless(whole, values):
    world = nib.affines.apply_affine(whole.affine, np.indices(values.shape).reshape(3, -1).T)
    front = (world[:, 1] - world[:, 2]).reshape(values.shape) > 80
    report = check(with_values(whole, np.where(front, 0, values)))
    assert "removed (defaced)" in found(report, "face").text
    assert found(report, "face").verdict is Verdict.OK
    assert found(check(whole), "face").text == "no cut is seen"


# Hostile input


def test_refusals_are_those_of_reading(tmp_path):
    cases = {"none.nii.gz": None, "empty.nii": b"", "text.nii": b"hello", "scan.txt": b"hello"}
    for name, content in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        report = check(tmp_path / name)
        assert report.verdict is Verdict.REFUSE
        with pytest.raises(InputError) as refused:
            read_t1w(tmp_path / name)
        assert str(refused.value) == f"{tmp_path / name}: {report.findings[-1].text}"


def test_scrambled_headers_give_a_report_and_never_a_traceback(tmp_path, rng):
    affine = np.diag([9.0, 9, 9, 1])
    small = nib.Nifti1Image(paint(affine, (20, 24, 20), "int16"), affine)
    nib.save(small, tmp_path / "a.nii")
    content = (tmp_path / "a.nii").read_bytes()
    verdicts = set()
    for _ in range(150):
        broken = bytearray(content)
        for place in rng.integers(0, 352, size=5):
            broken[place] = rng.integers(256)
        (tmp_path / "b.nii").write_bytes(broken)
        with contextlib.suppress(MemoryError):
            report = check(tmp_path / "b.nii")
            json.dumps(report.as_dict(), allow_nan=False)
            verdicts.add(report.verdict)
    assert Verdict.REFUSE in verdicts


@settings(max_examples=25)
@given(
    shape=st.tuples(*[st.integers(2, 40)] * 3),
    mm=st.tuples(*[st.floats(0.1, 15)] * 3),
    kind=st.sampled_from(["random", "half", "spike", "ramp"]),
)
def test_any_finite_volume_gives_a_report(shape, mm, kind):
    rng = np.random.default_rng(1)
    data = {
        "random": rng.normal(0, 1, shape),
        "half": np.indices(shape)[0] > shape[0] // 2,
        "spike": np.eye(1, int(np.prod(shape))).reshape(shape),
        "ramp": np.indices(shape).sum(0),
    }[kind]
    report = check(nib.Nifti1Image(data.astype(np.float32), np.diag([*mm, 1.0])))
    assert len(report.findings) in (8, 14)  # 8: it is constant, and no item of the head is left
    json.dumps(report.as_dict(), allow_nan=False)


def test_the_tissues_of_the_phantom_differ_as_in_their_contrasts():
    assert T1W["white"] > T1W["grey"] > T1W["fluid"]
    assert T2W["white"] < T2W["grey"] < T2W["fluid"]
    assert FLAIR["fluid"] < FLAIR["white"] < FLAIR["grey"]
