"""The images do what the program does, for anybody, on a root that nobody may write to."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..phantoms import phantom
from .conftest import ROOT, SOMEBODY

pytestmark = pytest.mark.containers

SMALL = {"voxel_mm": (4.0, 4.4, 5.0), "shape": (40, 44, 36)}
QUICK = ("--preset", "lod-brain-synth", "--level", "coarse", "--offline")


@pytest.fixture
def run(containers, image, folder):
    """Run the image as somebody without a home, with /data alone to write to."""

    def inside(*words, options=()):
        return containers.run(
            "podman", "run", "--rm", "--network=none", "--read-only", "--user", SOMEBODY,
            "--volume", f"{folder}:/data", *options, image, *words,
        )  # fmt: skip

    return inside


@pytest.fixture(scope="module")
def aomic(released_weights, data_dir, tmp_path_factory):
    """A real scan, and the label image that this machine makes of it."""
    scan = data_dir / "pairs/aomic/AOMIC_T1w.nii.gz"
    target = tmp_path_factory.mktemp("host") / "seg.nii.gz"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lodbrain_cli", "segment", scan, "-o", target,
         "--weights", released_weights, "--device", "cpu"],
        capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return scan, target.read_bytes()


def test_without_words_the_image_helps(run):
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: lodbrain")
    assert "preset lod-brain" in run("--version").stdout


def test_the_image_says_what_it_is_and_is_nobody_special(containers, image):
    (facts,) = json.loads(containers.run("podman", "image", "inspect", image).stdout)
    labels = facts["Config"]["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert labels["org.opencontainers.image.revision"] == "tested"
    assert facts["Config"]["User"] == "65532:65532"


def test_the_image_computes_without_keras_and_says_so(run, folder):
    phantom(folder, "T1.nii.gz", **SMALL)
    # A phantom is no brain, and the verdict would say so.
    words = ("segment", "/data/T1.nii.gz", "-o", "/data/seg.nii.gz", *QUICK, "--no-quality")
    refused = run(*words, "--engine", "keras")
    assert refused.returncode == 5
    (line,) = [x for x in refused.stderr.splitlines() if x.startswith("error")]
    assert "cannot be loaded" in line
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in folder.iterdir()} == {
        "T1.nii.gz", "seg.nii.gz", "seg.tsv", "seg_run.json"
    }  # fmt: skip


def test_the_image_is_a_bids_app(run, folder):
    anat = folder / "raw/sub-01/anat"
    anat.mkdir(parents=True)
    phantom(anat, "sub-01_T1w.nii.gz", **SMALL)
    about = {"Name": "raw", "BIDSVersion": "1.10.0"}
    (folder / "raw/dataset_description.json").write_text(json.dumps(about))
    done = run("/data/raw", "/data/out", "participant", "--participant-label", "01", *QUICK)
    assert done.returncode == 0, done.stderr
    made = json.loads((folder / "out/dataset_description.json").read_text())
    assert made["GeneratedBy"][0]["Container"]["Type"] == "docker"


def test_the_image_gives_this_machines_labels(run, folder, aomic):
    scan, expected = aomic
    shutil.copyfile(scan, folder / "T1.nii.gz")
    done = run("segment", "/data/T1.nii.gz", "-o", "/data/seg.nii.gz", "--offline")
    assert done.returncode == 0, done.stderr
    assert (folder / "seg.nii.gz").read_bytes() == expected


@pytest.fixture
def run_sif(containers, apptainer, sif, folder):
    """Run the Apptainer image as an unprivileged user, with /data alone."""

    def inside(*words):
        return containers.run(
            apptainer, "run", "--containall", "--bind", f"{folder}:/data", sif, *words,
            cwd=folder, APPT_UID="10001",
        )  # fmt: skip

    return inside


def test_apptainer_runs_the_same_program(containers, apptainer, sif, run_sif):
    done = run_sif("--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("lodbrain ")
    assert containers.run(apptainer, "test", sif).returncode == 0
    assert "apptainer run" in containers.run(apptainer, "run-help", sif).stdout


def test_apptainer_gives_this_machines_labels(run_sif, folder, aomic):
    scan, expected = aomic
    shutil.copyfile(scan, folder / "T1.nii.gz")
    done = run_sif("segment", "/data/T1.nii.gz", "-o", "/data/seg.nii.gz", "--offline")
    assert done.returncode == 0, done.stderr
    assert (folder / "seg.nii.gz").read_bytes() == expected


def test_building_leaves_the_builders_folders_alone(sif, image, wheels, given_weights):
    assert len(list(wheels.glob("*.whl"))) > 10
    weights = os.environ.get("LODBRAIN_TEST_WEIGHTS", str(ROOT.parent / "shared/weights"))
    there = {p.name for p in Path(weights, "lod-brain").glob("*.h5")}
    assert {p.name for p in given_weights.iterdir()} == there
