"""Every command: help, examples, documents; and the small commands themselves."""

import ast
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli.cli.main import cli
from lodbrain_cli.weights import cache_folder

from ..phantoms import GRIDS, centred_affine, paint

ROOT = Path(__file__).resolve().parents[2]


def commands(group=cli, prefix=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*prefix, name))
        else:
            yield " ".join((*prefix, name)), command


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_an_example_and_described_options(name):
    command = COMMANDS[name]
    assert command.help
    assert f"lodbrain {name}" in command.epilog
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.envvar.startswith("LODBRAIN_") or parameter.name in (
                "quiet",
                "verbose",
            )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_read(name):
    tree = ast.parse(textwrap.dedent(inspect.getsource(COMMANDS[name].callback)))
    function = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    read |= {n.value for n in ast.walk(function) if isinstance(n, ast.Constant)}
    taken = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    # Those that a command passes on whole are arguments of what it passes them to.
    from lodbrain_cli.segmentation import ScanOptions, Segmenter
    from lodbrain_cli.segmentation.extraction import ExtractionOptions
    from lodbrain_cli.training.finetune import FinetuneOptions

    takes = {"extract": ExtractionOptions, "finetune": FinetuneOptions}.get(name, Segmenter)
    passed_on = set(inspect.signature(takes).parameters) if function.args.kwarg else set()
    if "ScanOptions" in read and function.args.kwarg:
        passed_on |= set(inspect.signature(ScanOptions).parameters)
    for parameter in COMMANDS[name].params:
        assert parameter.name in read or parameter.name in passed_on, parameter.name
    assert taken <= read


def test_the_environments_names_are_those_of_the_options():
    for name, command in COMMANDS.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.envvar:
                option = max(parameter.opts, key=len).lstrip("-").replace("-", "_").upper()
                special = {"LODBRAIN_WEIGHTS_FILE", "LODBRAIN_LABELS_OUTPUT"}
                assert parameter.envvar in {f"LODBRAIN_{option}", *special}, name


def test_the_documented_help_is_the_programs():
    script = ROOT / "benchmarks" / "commands.py"
    printed = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (ROOT / "docs" / "commands.md").read_text() == printed.stdout


def documented_lines(path):
    """Commands in blocks and in running text, without `lodbrain` itself."""
    text = path.read_text()
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    script = "".join(blocks).replace("\\\n", " ")
    lines = re.findall(r"^(?:exec |.*&& |\w+=\S+ )?lodbrain ([a-z].*)$", script, re.MULTILINE)
    return lines + re.findall(r"`lodbrain ([a-z][^`]*)`", text)


DOCUMENTED = {p: documented_lines(p) for p in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}


@pytest.mark.parametrize(
    "path", sorted(p for p in DOCUMENTED if DOCUMENTED[p]), ids=lambda p: p.name
)
def test_documented_options_are_the_programs(path):
    for line in DOCUMENTED[path]:
        words = shlex.split(re.split(r" && |; | &", line)[0], comments=True)
        if words[0].endswith("/") and words[2] in {"participant", "group"}:
            words.insert(0, "bids")  # which a BIDS App need not be told
        known = [c for c in COMMANDS if words[: len(c.split())] == c.split()]
        assert known, line
        options = {o for p in COMMANDS[known[0]].params for o in (*p.opts, *p.secondary_opts)}
        assert {w for w in words if w.startswith("-")} <= options, line


def test_readme_and_features_show_many_commands():
    for name in ("README.md", "docs/hpc.md", "docs/bids.md", "docs/features.md"):
        assert len(DOCUMENTED[ROOT / name]) > 5, name


def test_readme_names_every_command():
    text = (ROOT / "README.md").read_text()
    for name in COMMANDS:
        assert f"lodbrain {name.split()[0]}" in text


def test_help_and_version_speak_plainly(run):
    assert "Exit codes" in run("--help").stdout
    version = run("--version").stdout
    assert version.startswith("lodbrain 0.")
    assert "weights 0a88ff21d1f0" in version
    assert "keras 3." in version


def test_wrong_usage_is_code_2(run):
    assert run("segment").exit_code == 2
    assert run("nonsense").exit_code == 2
    assert run("segment", "--threads", "0", "-o", "x.nii", "y.nii").exit_code == 2


def test_info_as_json_has_presets_labels_and_limits(run):
    facts = json.loads(run("info", "--json").stdout)
    (preset,) = [p for p in facts["presets"] if p["name"] == "lod-brain"]
    assert [x["index"] for x in preset["label_sets"]["lod-brain-7"]] == list(range(7))
    assert preset["network"]["num_levels"] == 2
    assert preset["scores"]
    assert preset["weights"][0]["num_bytes"] == 1_423_528
    assert facts["threads"] >= 1
    assert facts["cache"] == str(cache_folder())
    assert "preset lod-brain:" in run("info").stdout


def test_the_engines_offered_are_those_that_there_are():
    from lodbrain_cli.inference.engines import ENGINES

    (engine,) = [p for p in COMMANDS["segment"].params if p.name == "engine"]
    assert tuple(engine.type.choices) == ENGINES


def test_labels_are_printed_or_saved(run, tmp_path):
    assert "2\tBasal ganglia\tSGM" in run("labels").stdout
    target = tmp_path / "a.label"
    assert run("labels", "--format", "itksnap", "-o", target).exit_code == 0
    assert '"Brainstem"' in target.read_text()
    assert run("labels", "-o", target).exit_code == 2
    assert run("labels", "-o", target, "--overwrite").exit_code == 0


def test_any_label_set_that_training_knows_is_printed_by_name(run):
    assert "13\tRight hippocampus\t" in run("labels", "--label-set", "fsl_first").stdout
    unknown = run("labels", "--label-set", "first")
    assert unknown.exit_code == 2
    assert "known label sets: lod-brain-7, brain, structures, tissues, fsl_fast" in unknown.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(run, shell):
    assert "_LODBRAIN_COMPLETE" in run("completion", shell).stdout


def test_completion_knows_commands_and_presets():
    def complete(words: str, count: int) -> str:
        code = "from lodbrain_cli.cli.main import main; main()"
        environment = {
            **os.environ,
            "_LODBRAIN_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(count),
        }
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment
        ).stdout

    assert "plain,segment" in complete("lodbrain se", 1)
    assert "plain,lod-brain" in complete("lodbrain segment --preset lo", 3)


def test_weights_that_are_absent_are_listed_so(run, monkeypatch):
    rows = json.loads(run("weights", "list", "--json").stdout)
    absent = {row["file"] for row in rows if row["path"] is None}
    assert absent == {"weights_lv1.h5", "weights_lv0.h5"}
    packaged = {row["preset"] for row in rows if row["path"]}
    assert packaged == {"lod-brain-synth", "brain-extraction"}
    assert "(not on this machine)" in run("weights", "list").stdout
    assert run("weights", "path").stdout == f"{cache_folder()}\n"
    assert run("weights", "path", "lod-brain").exit_code == 6
    assert run("weights", "verify").exit_code == 0
    assert run("weights", "verify", "lod-brain").exit_code == 6
    monkeypatch.setenv("LODBRAIN_OFFLINE", "1")
    refused = run("weights", "fetch")
    assert refused.exit_code == 6
    assert "https://" in refused.stderr


@pytest.mark.weights
def test_weights_are_added_verified_bundled_and_found(run, released_weights, tmp_path):
    files = [released_weights / "weights_lv0.h5", released_weights / "weights_lv1.h5"]
    added = run("weights", "add", *files)
    assert added.exit_code == 0, added.stderr
    assert run("weights", "verify", "lod-brain").stdout.count("ok\t") == 2
    assert run("weights", "path", "lod-brain").stdout.strip() in added.stdout
    assert run("weights", "bundle", "-o", tmp_path / "b.tar").exit_code == 0
    assert run("weights", "bundle", "-o", tmp_path / "b.tar").exit_code == 2
    assert run("weights", "fetch").exit_code == 0, "what is here is not downloaded"
    path = Path(run("weights", "path", "lod-brain").stdout.strip())
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    broken = run("weights", "verify")
    assert broken.exit_code == 6
    assert f"WRONG\t{path}" in broken.stdout
    assert run("weights", "bundle", "-o", tmp_path / "c.tar").exit_code == 6
    assert run("weights", "add", tmp_path / "b.tar").exit_code == 0
    assert run("weights", "verify").exit_code == 0


@pytest.mark.weights
@pytest.mark.slow
def test_weights_of_another_network_end_segment_with_code_6(run, released_weights, tmp_path):
    affine = centred_affine(GRIDS["RAS"], (2, 2, 2), (80, 96, 70))
    nib.save(nib.Nifti1Image(paint(affine, (80, 96, 70)), affine), tmp_path / "t.nii")
    arguments = ("segment", tmp_path / "t.nii", "-o", tmp_path / "s.nii", "--device", "cpu")
    wrong = run(*arguments, "--weights", released_weights / "weights_lv0.h5")
    assert wrong.exit_code == 6
    assert "weights of another network: 16 tensors do not fit" in wrong.stderr
    assert "plain_2/" not in wrong.stderr.split("the first is")[1].split(";")[1]
    told = run(*arguments, "--weights", released_weights / "weights_lv0.h5", "-v")
    assert len(told.stderr.splitlines()) == 17
    (tmp_path / "bad.h5").write_bytes(b"corrupted")
    broken = run(*arguments, "--weights", tmp_path / "bad.h5")
    assert broken.exit_code == 6
    assert "not readable as HDF5 weights" in broken.stderr
    assert run(*arguments, "--offline").exit_code == 6
    assert not (tmp_path / "s.nii").exists()


@pytest.mark.usefixtures("no_network")
def test_the_demo_segments_its_template_and_says_where(run, tmp_path, monkeypatch):
    affine = centred_affine(GRIDS["RAS"], (3, 3, 3), (60, 70, 60))
    template = nib.Nifti1Image(paint(affine, (60, 70, 60)), affine)
    monkeypatch.setattr("lodbrain_cli.cli.demo._template", lambda: template)
    done = run("demo", "-o", tmp_path / "new", "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    labels = Path(done.stdout.strip())
    assert labels == tmp_path / "new" / "mni152_dseg.nii.gz"
    assert set(np.unique(np.asarray(nib.load(labels).dataobj))) == {0, 3, 6}
    assert "Cerebellum" in done.stderr
    assert run("demo", "-o", tmp_path / "new", "--device", "cpu").exit_code == 0


def test_the_demos_template_comes_with_nilearn():
    pytest.importorskip("nilearn")
    from lodbrain_cli.cli.demo import _template

    template = _template()
    assert template.shape == (197, 233, 189)
    np.testing.assert_allclose(template.header.get_zooms(), 1)
