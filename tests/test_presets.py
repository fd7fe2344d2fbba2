"""Presets and label sets fit together, and the documents name them."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from lodbrain_cli.errors import UsageError
from lodbrain_cli.labels import LABEL_SETS, get_label_set
from lodbrain_cli.presets import PRESETS, get_preset

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_a_preset_is_complete(preset):
    labels = preset.label_set
    assert labels.num_classes == preset.network.num_classes
    for file in preset.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.num_bytes > 0
        assert all(url.startswith("https://") for url in file.urls)
        # More than one address, or a file of the package, which must be small.
        assert len(file.urls) >= 2 or (not file.urls and file.num_bytes < 5e6)
    for text in (preset.summary, preset.training_data, preset.licence, preset.citation):
        assert text
    assert (preset.coarse_network is None) == (preset.coarse_weights is None)


@pytest.mark.parametrize("name", PRESETS)
def test_readme_model_card_and_sums_name_every_preset(name):
    assert f"`{name}`" in (ROOT / "README.md").read_text()
    assert (ROOT / "weights" / name / "README.md").is_file()
    sums = (ROOT / "weights" / "SHA256SUMS").read_text().splitlines()
    assert {f"{f.sha256}  {name}/{f.name}" for f in PRESETS[name].files} <= set(sums)


@pytest.mark.parametrize("labels", LABEL_SETS.values(), ids=lambda x: x.name)
def test_a_label_set_is_sound(labels):
    assert [x.index for x in labels.labels] == list(range(labels.num_classes))
    assert len({x.name for x in labels.labels}) == labels.num_classes
    assert len({x.abbreviation for x in labels.labels}) == labels.num_classes
    assert all(re.fullmatch(r"#[0-9a-f]{6}", x.color) for x in labels.labels)
    # BG is background in BIDS, never basal ganglia.
    assert [x.index for x in labels.labels if x.abbreviation == "BG"] == [0]
    structures = set(range(1, labels.num_classes))
    assert structures >= {*labels.one_piece_probability, *labels.one_piece_label}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_weights_without_an_address_are_in_the_checkout_and_the_wheel(preset):
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]["force-include"]
    for file in preset.files:
        if not file.urls:
            name = f"weights/{preset.name}/{file.name}"
            assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == file.sha256
            assert included[name] == f"lodbrain_cli/packaged_{name}"


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="known presets: lod-brain"):
        get_preset("nope")
    with pytest.raises(UsageError, match="known label sets: lod-brain-7"):
        get_label_set("nope")
