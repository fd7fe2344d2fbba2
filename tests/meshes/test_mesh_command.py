"""``lodbrain mesh`` writes what other programs read, and refuses what has no surface."""

import json

import nibabel as nib
import numpy as np
import pytest
import trimesh
from click.testing import CliRunner
from PIL import Image

from lodbrain_cli.cli.main import cli
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.outputs.tables import label_table


def run(*arguments):
    return CliRunner().invoke(cli, ["mesh", *map(str, arguments)])


@pytest.fixture
def labels(tmp_path):
    """White matter left of grey matter, on a mirrored grid, with the table of `segment`."""
    numbers = np.zeros((40, 30, 20), np.uint8)
    numbers[5:15, 8:20, 4:16] = 3
    numbers[22:34, 8:20, 4:16] = 1
    affine = np.diag([-1.0, 1.5, 2.0, 1.0])
    affine[:3, 3] = [30, -20, 5]
    path = tmp_path / "sub-01_seg.nii.gz"
    nib.Nifti1Image(numbers, affine).to_filename(path)
    (tmp_path / "sub-01_seg.tsv").write_text(label_table(get_label_set("lod-brain-7"), "tsv"))
    return path


def test_every_label_becomes_a_gifti_in_scanner_space(labels, tmp_path):
    done = run(labels, "-o", tmp_path / "m")
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [
        "sub-01_seg_label-CGM.surf.gii", "sub-01_seg_label-WM.surf.gii"
    ]  # fmt: skip
    image = nib.load(tmp_path / "m/sub-01_seg_label-WM.surf.gii")
    points = image.agg_data("pointset")
    space = image.get_arrays_from_intent("pointset")[0].coordsys
    assert nib.nifti1.xform_codes.label[space.dataspace] == "scanner"
    np.testing.assert_allclose(points.mean(0), [30 - 9.5, -20 + 13.5 * 1.5, 5 + 9.5 * 2], atol=0.2)
    triangles = image.agg_data("triangle")
    assert triangles.max() < len(points)
    mesh = trimesh.Trimesh(points, triangles)
    assert mesh.volume == pytest.approx(10 * 12 * 12 * 3, rel=0.03)  # and not inside out


def test_formats_unions_and_colours(labels, tmp_path):
    done = run(labels, "-o", tmp_path, "--label", "3,1+3", "--format", "ply", "--format", "stl",
               "--json", "--faces", "1000")  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == ["WM", "CGM+WM"]
    assert all(row["closed"] and row["faces"] <= 1000 for row in rows)
    for row in rows:
        for path in row["files"]:
            assert trimesh.load(path).volume == pytest.approx(row["voxels_mm3"], rel=0.03)
    white = get_label_set("lod-brain-7").labels[3].rgb
    assert tuple(trimesh.load(rows[0]["files"][0]).visual.vertex_colors[0][:3]) == white


def test_structures_of_one_name_get_files_of_their_own(labels, tmp_path):
    labels.with_name("sub-01_seg.tsv").write_text("index\tname\n1\tLeft: WM\n3\tleft-wm\n")
    done = run(labels, "-o", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == ["LeftWM1", "leftwm3"]
    assert len({path for row in rows for path in row["files"]}) == 2


def test_without_a_table_structures_go_by_their_numbers(labels, tmp_path):
    labels.with_name("sub-01_seg.tsv").unlink()
    done = run(labels, "-o", tmp_path, "--label", "3")
    assert done.exit_code == 0
    assert (tmp_path / "sub-01_seg_label-3.surf.gii").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--label", "x"], 2, "expected numbers, such as 1,3 or 1+3; got 'x'"),
        (["--label", "0"], 2, "0 is the background"),
        (["--label", "3+5"], 3, "holds no label 5; it holds 1, 3"),
    ],
)
def test_a_wrong_choice_is_one_line(labels, tmp_path, arguments, code, message):
    done = run(labels, "-o", tmp_path / "m", *arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("m/*"))


def test_an_image_that_is_no_label_image_is_refused(tmp_path):
    path = tmp_path / "t1.nii.gz"
    nib.Nifti1Image(np.full((4, 4, 4), 1.5, np.float32), np.eye(4)).to_filename(path)
    assert "no label numbers" in run(path, "-o", tmp_path).stderr
    nib.Nifti1Image(np.full((4, 4, 4), -2, np.int16), np.eye(4)).to_filename(path)
    assert "no label numbers, such as -2" in run(path, "-o", tmp_path).stderr
    nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)).to_filename(path)
    done = run(path, "-o", tmp_path)
    assert done.exit_code == 3
    assert "nothing to mesh" in done.stderr


def test_files_are_not_replaced_unasked(labels, tmp_path):
    assert run(labels, "-o", tmp_path, "--label", "3").exit_code == 0
    again = run(labels, "-o", tmp_path, "--label", "3")
    assert again.exit_code == 2
    assert run(labels, "-o", tmp_path, "--label", "3", "--overwrite").exit_code == 0


def test_a_table_that_is_none_is_said(labels, tmp_path):
    labels.with_name("sub-01_seg.tsv").write_text("number\tname\n3\tWM\n")
    done = run(labels, "-o", tmp_path)
    assert done.exit_code == 3
    assert "no table of labels" in done.stderr


def test_a_picture_shows_the_structures_from_the_left(labels, tmp_path):
    """White matter lies posterior of grey matter here, and left is where one looks from."""
    numbers = np.zeros((40, 40, 40), np.uint8)
    numbers[10:30, 22:36, 10:30] = 1  # anterior: +y
    numbers[10:30, 4:18, 10:30] = 3
    nib.Nifti1Image(numbers, np.eye(4)).to_filename(labels)
    picture = tmp_path / "seen.png"
    done = run(labels, "-o", tmp_path, "--picture", picture)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(picture)
    pixels = np.asarray(Image.open(picture)).astype(int)
    grey, white = (np.array(get_label_set("lod-brain-7").labels[n].rgb) for n in (1, 3))
    hue = [pixels @ (c / np.linalg.norm(c)) / np.maximum(np.linalg.norm(pixels, axis=-1), 1)
           for c in (grey, white)]  # fmt: skip
    drawn = pixels.min(axis=-1) < 200
    columns = [np.argwhere(drawn & (h > 0.995))[:, 1] for h in hue]
    assert len(columns[0]) > 1000
    assert columns[0].max() < columns[1].min()  # anterior on the left


def test_a_turning_picture_turns_once(labels, tmp_path):
    assert run(labels, "-o", tmp_path, "--picture", tmp_path / "turn.gif").exit_code == 0
    with Image.open(tmp_path / "turn.gif") as turning:
        assert turning.n_frames == 36
        frames = []
        for number in (0, 9, 18):
            turning.seek(number)
            frames.append(np.asarray(turning.convert("L")))
    assert (frames[0] != frames[1]).mean() > 0.05
    assert run(labels, "-o", tmp_path, "--overwrite", "--picture", "a.jpg").exit_code == 2
