"""What the recipes of the images say, without building any."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lodbrain_cli.cli.main import cli
from lodbrain_cli.presets import PRESETS

from .conftest import PUBLISHED, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DESCRIPTOR = ROOT / "boutiques.json"


def required(*words):
    command = [sys.executable, ROOT / "containers/requirements.py", ROOT / "pyproject.toml", *words]
    return subprocess.run(command, capture_output=True, text=True)


def names(*words):
    return {re.match(r"[\w.-]+(\[.*\])?", line)[0] for line in required(*words).stdout.split()}


def test_a_cpu_needs_all_but_keras_and_a_gpu_cuda_too():
    every = {re.match(r"[\w.-]+", line)[0] for line in PROJECT["dependencies"]}
    assert every - names("cpu") == {"keras", "tensorflow"}
    assert names("keras") == every
    assert names("gpu") == every - {"tensorflow"} | {"tensorflow[and-cuda]"}


def test_extras_of_extras_are_needed_too():
    found = names("cpu", "mesh", "train")
    assert {"trimesh", "matplotlib", "pydantic"} <= found
    assert not any("lodbrain" in name for name in found)
    assert required("cpu", "nonsense").returncode != 0
    assert required("tpu").returncode != 0


@pytest.mark.parametrize("name", ["Dockerfile", "singularity.def"])
def test_versions_and_base_are_the_same_everywhere(name):
    text = (ROOT / name).read_text()
    assert re.search(r"^ *(?:ARG )?VERSION=(.*)$", text, re.MULTILINE)[1] == PROJECT["version"]
    base = re.search(r"^ *(?:ARG )?BASE_IMAGE=(.*)$", text, re.MULTILINE)[1]
    assert PUBLISHED.endswith(base)
    assert re.search(r":\d+\.\d+\.\d+-", base), "an exact tag"


def test_no_recipe_removes_what_the_builder_mounts():
    for name in ("Dockerfile", "singularity.def", "containers/install.sh"):
        for line in (ROOT / name).read_text().splitlines():
            if re.search(r"\b(?:rm|find .*-delete|mv)\b", line):
                assert not re.search(r"/(?:wheels|given)\b", line), f"{name}: {line}"


@pytest.fixture(scope="module")
def descriptor():
    return json.loads(DESCRIPTOR.read_text())


def test_the_descriptor_speaks_of_this_program(descriptor):
    assert descriptor["tool-version"] == PROJECT["version"]
    assert descriptor["container-image"]["image"].endswith(f":{PROJECT['version']}")
    options = {p.opts[-1]: p for p in cli.commands["segment"].params}
    for value in descriptor["inputs"]:
        assert value["value-key"] in descriptor["command-line"]
        flag = value.get("command-line-flag")
        if flag is not None:
            assert flag in {name for p in options.values() for name in p.opts}, flag
    (preset,) = [v for v in descriptor["inputs"] if v["id"] == "preset"]
    # It names one file of labels, all structures of the brain.
    one = {p.name for p in PRESETS.values() if len(p.label_sets) == 1}
    assert set(preset["value-choices"]) == one - {"brain-extraction"}


def test_the_descriptor_is_a_boutiques_descriptor(tmp_path):
    program = shutil.which("bosh", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("boutiques is not installed")
    done = subprocess.run([program, "validate", DESCRIPTOR], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "T1.nii.gz").touch()
    asked = {"scan": "T1.nii.gz", "labels": "seg.nii.gz", "volumes": "volumes.tsv", "threads": 2}
    (tmp_path / "in.json").write_text(json.dumps(asked))
    done = subprocess.run(
        [program, "exec", "simulate", "-i", "in.json", DESCRIPTOR],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    told = "lodbrain segment T1.nii.gz -o seg.nii.gz --volumes volumes.tsv --threads 2"
    assert told in " ".join(done.stdout.split()), done.stdout + done.stderr
