"""``lodbrain segment`` as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli.cli.parameter_types import MemorySize
from lodbrain_cli.errors import ResourceError

from ..phantoms import GRIDS, MARKER_MM, centroid_mm, phantom, rotation

pytestmark = pytest.mark.usefixtures("no_network")

PLAIN = ("--no-postprocess", "--device", "cpu")
AWKWARD = {
    **{name: (directions, (2.0, 2.2, 2.6), (80, 96, 70)) for name, directions in GRIDS.items()},
    "oblique": (rotation((14, -9, 18)) @ GRIDS["LPS"], (2.4, 1.9, 2.2), (88, 110, 90)),
    "larger than 256": (GRIDS["RAS"], (2.5, 2.5, 2.5), (120, 128, 110)),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_a_left_only_marker_stays_left_on_the_scans_own_grid(run, tmp_path, case):
    scan = phantom(
        tmp_path, directions=AWKWARD[case][0], voxel_mm=AWKWARD[case][1], shape=AWKWARD[case][2]
    )
    done = run("segment", scan, "-o", tmp_path / "seg.nii.gz", *PLAIN)
    assert done.exit_code == 0, done.stderr
    seg, image = nib.load(tmp_path / "seg.nii.gz"), nib.load(scan)
    assert seg.shape == image.shape
    np.testing.assert_array_equal(seg.affine, image.affine)
    marker = centroid_mm(np.asarray(seg.dataobj) == 6, seg.affine)
    assert np.linalg.norm(marker - MARKER_MM) < 1.3
    head = centroid_mm(np.asarray(seg.dataobj) > 0, seg.affine)
    assert marker[0] < head[0] - 20


def test_all_results_are_written_and_the_record_tells_of_them(run, tmp_path):
    scan = phantom(tmp_path)
    names = {
        "--probabilities": "p.nii.gz",
        "--brain-mask": "m.nii.gz",
        "--brain": "b.nii.gz",
        "--volumes": "v.tsv",
    }
    options = [x for option, name in names.items() for x in (option, tmp_path / name)]
    done = run("segment", scan, "-o", tmp_path / "seg.nii.gz", *options, *PLAIN)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "seg.nii.gz")]
    labels = np.asarray(nib.load(tmp_path / "seg.nii.gz").dataobj)
    probabilities = nib.load(tmp_path / "p.nii.gz")
    assert probabilities.get_data_dtype() == np.float32
    np.testing.assert_array_equal(probabilities.get_fdata().argmax(-1), labels)
    mask = np.asarray(nib.load(tmp_path / "m.nii.gz").dataobj)
    np.testing.assert_array_equal(mask, labels > 0)
    brain, image = nib.load(tmp_path / "b.nii.gz"), nib.load(scan)
    assert brain.get_data_dtype() == image.get_data_dtype()
    np.testing.assert_array_equal(brain.get_fdata(), image.get_fdata() * mask)
    rows = [line.split("\t") for line in (tmp_path / "v.tsv").read_text().splitlines()]
    by_name = {row[1]: row for row in rows}
    assert int(by_name["Brainstem"][2]) == (labels == 6).sum()
    assert by_name["Brainstem"][4] == "native"
    record = json.loads((tmp_path / "seg_run.json").read_text())
    assert set(record["outputs"]) == {
        *("labels", "probabilities", "brain_mask", "brain", "volumes"),
        *("label_names", "record"),
    }
    assert all(Path(path).is_file() for path in record["outputs"].values())
    assert record["preset"] == "lod-brain"
    assert len(record["input"]["sha256"]) == 64
    assert {"read", "conform", "infer", "label"} <= set(record["seconds"])
    assert record["peak_memory_bytes"] > 10**8
    assert record["postprocessing"] is None
    assert (tmp_path / "seg.tsv").read_text().startswith("index\tname")


def test_conformed_results_are_on_the_conformed_grid(run, tmp_path):
    scan = phantom(tmp_path)
    extras = ("--brain", tmp_path / "b.nii.gz", "--volumes", tmp_path / "v.tsv")
    done = run(
        "segment", scan, "-o", tmp_path / "s.nii.gz", "--space", "conformed", *extras, *PLAIN
    )
    assert done.exit_code == 0, done.stderr
    for name in ("s.nii.gz", "b.nii.gz"):
        image = nib.load(tmp_path / name)
        assert image.shape == (256, 256, 256)
        assert nib.aff2axcodes(image.affine) == ("L", "I", "A")
        np.testing.assert_allclose(image.header.get_zooms(), 1)
    seg = nib.load(tmp_path / "s.nii.gz")
    marker = centroid_mm(np.asarray(seg.dataobj) == 6, seg.affine)
    assert np.linalg.norm(marker - MARKER_MM) < 1
    assert "\tconformed" in (tmp_path / "v.tsv").read_text()


def test_postprocessing_is_on_unless_switched_off(run, tmp_path):
    scan = phantom(tmp_path)
    assert run("segment", scan, "-o", tmp_path / "a.nii.gz", "--device", "cpu").exit_code == 0
    record = json.loads((tmp_path / "a_run.json").read_text())
    assert record["options"]["postprocess"] is True
    assert set(record["postprocessing"]) == {"zeroed_voxels", "removed_voxels"}


def test_mgz_goes_in_and_out(run, tmp_path):
    image = nib.load(phantom(tmp_path))
    nib.save(
        nib.freesurfer.MGHImage(image.get_fdata().astype("f4"), image.affine), tmp_path / "t.mgz"
    )
    done = run("segment", tmp_path / "t.mgz", "-o", tmp_path / "seg.mgz", *PLAIN)
    assert done.exit_code == 0, done.stderr
    seg = nib.load(tmp_path / "seg.mgz")
    np.testing.assert_allclose(seg.affine, nib.load(tmp_path / "t.mgz").affine, atol=1e-4)
    assert np.linalg.norm(centroid_mm(np.asarray(seg.dataobj) == 6, seg.affine) - MARKER_MM) < 1.3


def test_a_frame_is_chosen(run, tmp_path):
    image = nib.load(phantom(tmp_path))
    stacked = np.stack([np.zeros(image.shape, "int16"), np.asarray(image.dataobj)], -1)
    nib.save(nib.Nifti1Image(stacked, image.affine), tmp_path / "four.nii.gz")
    refused = run("segment", tmp_path / "four.nii.gz", "-o", tmp_path / "s.nii.gz", *PLAIN)
    assert refused.exit_code == 3
    assert "choose one with --frame" in refused.stderr
    done = run(
        "segment", tmp_path / "four.nii.gz", "-o", tmp_path / "s.nii.gz", "--frame", 1, *PLAIN
    )
    assert done.exit_code == 0, done.stderr
    assert nib.load(tmp_path / "s.nii.gz").shape == image.shape


@pytest.fixture
def folder(tmp_path):
    """Two good scans in subfolders, one damaged, and files that are none."""
    for name in ("sub-01", "sub-02/ses-a", "sub-03"):
        (tmp_path / "in" / name).mkdir(parents=True)
    phantom(tmp_path / "in/sub-01", "sub-01_T1w.nii.gz")
    phantom(tmp_path / "in/sub-02/ses-a", "sub-02_ses-a_T1w.nii.gz")
    (tmp_path / "in/sub-03/sub-03_T1w.nii.gz").write_bytes(b"damaged")
    phantom(tmp_path / "in/sub-01", "sub-01_T2w.nii.gz")
    (tmp_path / "in/readme.txt").write_text("hello")
    return tmp_path


def test_of_a_folder_every_t1w_is_done_and_one_failure_stops_nothing(run, folder):
    done = run("segment", folder / "in", "-o", folder / "out", "--volumes", folder / "vol", *PLAIN)
    assert done.exit_code == 1
    assert "2 of 3 scans done, 1 failed" in done.stderr.splitlines()[-1]
    assert "sub-03_T1w.nii.gz: not a readable NIfTI" in done.stderr
    written = sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*seg-lodbrain_dseg.nii.gz")
    )
    assert written == [
        "out/sub-01/sub-01_seg-lodbrain_dseg.nii.gz",
        "out/sub-02/ses-a/sub-02_ses-a_seg-lodbrain_dseg.nii.gz",
    ]
    assert done.stdout.splitlines() == [str(folder / name) for name in written]
    assert (folder / "vol/sub-01/sub-01_desc-volumes_stats.tsv").is_file()


def test_finished_scans_are_skipped_and_changed_ones_done_again(run, folder):
    arguments = ("segment", folder / "in", "-o", folder / "out", "--skip-existing", *PLAIN)
    run(*arguments)
    first = folder / "out/sub-01/sub-01_seg-lodbrain_dseg.nii.gz"
    before = first.stat().st_mtime_ns
    again = run(*arguments)
    assert again.stderr.count("done before, skipped") == 2
    assert first.stat().st_mtime_ns == before
    phantom(folder / "in/sub-01", "sub-01_T1w.nii.gz", voxel_mm=(2.1, 2.2, 2.6))
    assert run(*arguments).stderr.count("done before, skipped") == 1
    assert first.stat().st_mtime_ns != before
    (folder / "out/sub-01/sub-01_seg-lodbrain_dseg_run.json").unlink()
    assert run(*arguments).stderr.count("done before, skipped") == 1, "no record, not done"


def test_a_list_names_scans_from_its_own_folder(run, folder):
    (folder / "in/list.txt").write_text(
        "# chosen\nsub-01/sub-01_T1w.nii.gz\n\nsub-01/sub-01_T2w.nii.gz\n"
    )
    done = run("segment", "--list", folder / "in/list.txt", "-o", folder / "out", "--json", *PLAIN)
    assert done.exit_code == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(r["input"]["path"]).name for r in records] == [
        "sub-01_T1w.nii.gz",
        "sub-01_T2w.nii.gz",
    ]
    assert not any(r["skipped"] for r in records)


def test_two_scans_with_one_result_are_refused_before_any_work(run, folder):
    scans = (folder / "in/sub-01/sub-01_T1w.nii.gz", folder / "in/sub-01/sub-01_T2w.nii.gz")
    other = phantom(folder, "sub-01_T1w.nii.gz")
    done = run("segment", *scans, other, "-o", folder / "out", *PLAIN)
    assert done.exit_code == 2
    assert "would both be written to" in done.stderr
    assert not (folder / "out").exists()


def failure(done, code, *words):
    """One line on standard error, the exit code, nothing on standard output."""
    assert done.exit_code == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert done.stdout == ""


def test_bad_requests_get_one_line_and_their_code(run, tmp_path):
    scan, out = phantom(tmp_path), tmp_path / "seg.nii.gz"
    failure(run("segment", tmp_path / "no.nii.gz", "-o", out, *PLAIN), 3, "no such file")
    failure(run("segment", scan, "-o", tmp_path / "x/s.nii.gz", *PLAIN), 2, "does not exist")
    failure(run("segment", scan, "-o", tmp_path / "s.txt", *PLAIN), 2, "expected a name ending")
    failure(run("segment", "-o", out, *PLAIN), 2, "no scan given")
    failure(run("segment", scan, scan, "-o", out, *PLAIN), 2, "expected a folder for several")
    results, picture = f"{tmp_path}/results/", tmp_path / "seg.png"
    one = run("segment", scan, "-o", results, "--snapshot", picture, *PLAIN)
    failure(one, 2, "--snapshot", "expected a folder for results")
    assert not picture.exists()
    assert not Path(results).exists()
    failure(run("segment", scan, "-o", out, "--brain", out, *PLAIN), 2, "two results")
    failure(run("segment", scan, "-o", out, "--overwrite", "--skip-existing", *PLAIN), 2, "exclude")
    failure(run("segment", scan, "-o", out, "--device", "tpu"), 2, "unknown device 'tpu'")
    failure(run("segment", scan, "-o", out, "--device", "gpu:7"), 5, "'gpu:7'", "--device cpu")
    assert sorted(p.name for p in tmp_path.iterdir()) == [scan.name]


def test_a_slash_after_the_name_makes_a_folder_of_the_results_of_one_scan(run, tmp_path):
    scan = phantom(tmp_path)
    said = "a folder, with a / at its end"
    failure(run("segment", scan, "-o", tmp_path / "out", *PLAIN), 2, said)
    done = run("segment", scan, "-o", f"{tmp_path}/out/", *PLAIN)
    assert done.exit_code == 0, done.stderr
    labels = Path(done.stdout.strip())
    assert labels.parent == tmp_path / "out"
    assert nib.load(labels).shape == nib.load(scan).shape


def test_an_existing_result_is_kept_unless_it_may_be_replaced(run, tmp_path):
    scan, out = phantom(tmp_path), tmp_path / "seg.nii.gz"
    out.write_text("precious")
    failure(run("segment", scan, "-o", out, *PLAIN), 2, "exists already", "--overwrite")
    assert out.read_text() == "precious"
    assert run("segment", scan, "-o", out, "--overwrite", *PLAIN).exit_code == 0
    assert nib.load(out).shape == nib.load(scan).shape


def test_memory_that_runs_out_is_code_5(run, tmp_path, monkeypatch):
    def exhausted(*_args, **_options):
        raise ResourceError("memory ran out on cpu")

    monkeypatch.setattr("lodbrain_cli.imaging.normalisation.z_score", exhausted)
    failure(run("segment", phantom(tmp_path), "-o", tmp_path / "s.nii.gz", *PLAIN), 5, "memory")
    assert not (tmp_path / "s.nii.gz").exists()


def test_a_bug_keeps_its_traceback(run, tmp_path, monkeypatch):
    monkeypatch.setattr("lodbrain_cli.imaging.normalisation.z_score", lambda *_, **_k: 1 / 0)
    done = run("segment", phantom(tmp_path), "-o", tmp_path / "s.nii.gz", *PLAIN)
    assert isinstance(done.exception, ZeroDivisionError)


def test_quiet_prints_only_the_result(run, tmp_path):
    done = run("segment", phantom(tmp_path), "-o", tmp_path / "s.nii.gz", "-q", *PLAIN)
    assert done.stdout == f"{tmp_path / 's.nii.gz'}\n"
    assert done.stderr == ""


def test_warnings_reach_the_person_and_the_record(run, tmp_path):
    done = run("segment", phantom(tmp_path), "-o", tmp_path / "s.nii.gz", *PLAIN)
    assert "only 3 different whole numbers" in done.stderr
    assert "only 3 different whole numbers" in (tmp_path / "s_run.json").read_text()


def test_options_come_from_the_environment(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LODBRAIN_SPACE", "conformed")
    monkeypatch.setenv("LODBRAIN_VOLUMES", str(tmp_path / "v.tsv"))
    assert run("segment", phantom(tmp_path), "-o", tmp_path / "s.nii.gz", *PLAIN).exit_code == 0
    assert nib.load(tmp_path / "s.nii.gz").shape == (256, 256, 256)
    assert (tmp_path / "v.tsv").is_file()


@pytest.mark.parametrize("option", ["--overwrite", "--skip-existing"])
def test_a_scan_is_never_overwritten(run, tmp_path, option):
    scan = phantom(tmp_path)
    link = tmp_path / "link.nii.gz"
    link.symlink_to(scan)
    before = scan.read_bytes()
    failure(run("segment", scan, "-o", scan, option, *PLAIN), 2, "is a scan")
    failure(run("segment", link, "-o", scan, option, *PLAIN), 2, "is a scan")
    out = tmp_path / "s.nii.gz"
    failure(run("segment", scan, "-o", out, "--brain", scan, option, *PLAIN), 2, "is a scan")
    assert scan.read_bytes() == before


def test_a_file_name_that_is_no_text_is_a_name_like_any_other(tmp_path):
    odd = os.fsdecode(b"M\xfcller_T1w.nii.gz")
    (tmp_path / odd).write_bytes(phantom(tmp_path).read_bytes())
    command = [sys.executable, "-c", SLOW_RUN.replace("time.sleep(60)", "return 'x'")]
    arguments = ["segment", tmp_path / odd, "-o", tmp_path / "s.nii.gz", "--json"]
    done = subprocess.run([*command, *arguments, "--no-postprocess"], capture_output=True)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout.splitlines()[-1])
    assert os.fsencode(record["input"]["path"]).endswith(b"M\xfcller_T1w.nii.gz")


def test_a_list_may_come_from_windows(run, tmp_path):
    phantom(tmp_path, "a_T1w.nii.gz")
    (tmp_path / "l.txt").write_bytes(b"\xef\xbb\xbfa_T1w.nii.gz\r\n  # no scan\r\n\r\n")
    done = run("segment", "--list", tmp_path / "l.txt", "-o", tmp_path / "s.nii.gz", *PLAIN)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{tmp_path / 's.nii.gz'}\n"


def test_linked_folders_are_entered_once_and_dangling_links_are_said(run, folder):
    (folder / "in/again").symlink_to(folder / "in")
    (folder / "elsewhere").mkdir()
    phantom(folder / "elsewhere", "sub-09_T1w.nii.gz")
    (folder / "in/linked").symlink_to(folder / "elsewhere")
    (folder / "in/sub-08_T1w.nii.gz").symlink_to(folder / "not-fetched")
    (folder / "in/sub-03/sub-03_T1w.nii.gz").unlink()
    done = run("segment", folder / "in", "-o", folder / "out", *PLAIN)
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert "sub-08_T1w.nii.gz: left out (a link that leads nowhere" in done.stderr


def test_types_that_mgh_does_not_know_are_widened(run, tmp_path):
    image = nib.load(phantom(tmp_path))
    values = np.clip(np.asarray(image.dataobj) // 4, -100, 100).astype("int8")
    nib.save(nib.Nifti1Image(values, image.affine), tmp_path / "i8.nii.gz")
    done = run(
        "segment",
        tmp_path / "i8.nii.gz",
        "-o",
        tmp_path / "s.mgz",
        "--brain",
        tmp_path / "b.mgz",
        *PLAIN,
    )
    assert done.exit_code == 0, done.stderr
    assert nib.load(tmp_path / "b.mgz").get_data_dtype().name == "int16"


def test_a_result_folder_that_cannot_be_made_fails_its_scan_alone(run, folder):
    (folder / "out").mkdir()
    (folder / "out/sub-01").write_text("in the way")
    done = run("segment", folder / "in", "-o", folder / "out", *PLAIN)
    assert "Traceback" not in done.output
    assert done.exit_code == 2, done.output


def test_full_standard_output_is_told(tmp_path):
    code = "from lodbrain_cli.cli.main import main; main(args=['labels'])"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"standard output: could not be written" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [("4 apples", "is no size"), ("0G", "is no size"), ("-1G", "is no size"), ("1000", "no size")],
)
def test_a_memory_limit_that_is_no_size_is_wrong_usage(run, tmp_path, text, message):
    done = run("segment", phantom(tmp_path), "-o", tmp_path / "s.nii.gz", "--memory", text)
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("text", "size"),
    [("1G", 2**30), ("1.5GiB", 3 * 2**29), ("900m", 900 * 2**20), ("64 KB", 2**16)],
)
def test_sizes_are_read_as_slurm_and_docker_write_them(text, size):
    assert MemorySize().convert(text, None, None) == size


def test_half_precision_is_for_gpus(run, tmp_path, no_network):
    done = run(
        "segment", phantom(tmp_path), "-o", tmp_path / "s.nii.gz", "--precision", "mixed",
        "--device", "cpu",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "precision 'mixed' is for a GPU" in done.stderr


SLOW_RUN = """
import sys, time
from types import SimpleNamespace
import lodbrain_cli.segmentation.pipeline as pipeline
import lodbrain_cli.outputs.segmented as segmented
from lodbrain_cli.presets import get_preset
def predict(image, **_):
    from lodbrain_cli.inference.prediction import Prediction
    from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
    maps = ProbabilityMaps.background(7, [slice(0, 8)] * 3, image.shape)
    return Prediction(maps)
preset = get_preset("lod-brain")
loaded = pipeline.LoadedNetwork(
    preset, "fine", preset.level("fine"),
    SimpleNamespace(device="cpu", name="", threads=1, predict=predict),
    SimpleNamespace(
        path=SimpleNamespace(name="w"), sha256=preset.weights.sha256, origin="", released=True))
pipeline.Segmenter.__init__ = lambda self, **_: self._use(loaded, None)
def slow(*_):  # the labels stand, the record does not yet
    print("writing", flush=True)
    time.sleep(60)
segmented.label_table = slow
from lodbrain_cli.cli.main import main
main(args=sys.argv[1:])
"""


def test_a_signal_lets_the_scan_before_be_written_whole(tmp_path):
    # The next scan is computed while the one before is written.
    quick = SLOW_RUN.replace("time.sleep(60)", "time.sleep(1); return 'x'")
    scans = [phantom(tmp_path).rename(tmp_path / f"{name}_T1w.nii.gz") for name in "abc"]
    command = [sys.executable, "-c", quick, "segment", *scans, "-o", tmp_path, *PLAIN[:1]]
    process = subprocess.Popen([str(a) for a in command], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert [name for name in names if name.endswith("_run.json")]
    assert not [name for name in names if "tmp" in name]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_in_the_middle_ends_with_its_code_and_no_temporary_file(tmp_path, number, code):
    scan = phantom(tmp_path)
    command = [sys.executable, "-c", SLOW_RUN, "segment", scan, "-o", tmp_path / "s.nii.gz"]
    process = subprocess.Popen(
        [*command, "--no-postprocess"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    time.sleep(0.2)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert not list(tmp_path.glob(".*"))
    assert not (tmp_path / "s_run.json").exists(), "nothing vouches for unfinished results"


def test_a_second_look_is_part_of_the_verdict(run, tmp_path, quick_network):
    scan = phantom(tmp_path)
    words = ("segment", scan, "--overwrite", "--quality", "--device", "cpu")
    for more, looked in (((), False), (("--agreement",), True)):
        run(*words, "-o", tmp_path / "seg.nii.gz", *more)
        record = json.loads((tmp_path / "seg_run.json").read_text())
        assert ("agreement" in record["quality"]["items"]) == looked
        assert ("look again" in record["seconds"]) == looked
    # The network of this test answers the same whatever it is shown, a cube in the middle.
    value = record["quality"]["items"]["agreement"]["values"]["value"]
    assert value == pytest.approx((9 / 12) ** 2), "a cube of 12 voxels, moved by 3 along two axes"
    run(*words, "-o", tmp_path / "seg.nii.gz", "--agreement", "--no-quality")
    record = json.loads((tmp_path / "seg_run.json").read_text())
    assert record["quality"] is None
    assert "look again" not in record["seconds"]
