"""Weights go in by name alone, all or none, and a misfit is told in full."""

import h5py
import keras
import numpy as np
import pytest

from lodbrain_cli.errors import WeightsError
from lodbrain_cli.networks.checkpoint import load_weights, named_variables, save_weights
from lodbrain_cli.networks.layouts import dataset_paths
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import LodBrainConfig, get_preset

RELEASE = get_preset("lod-brain")
TINY = LodBrainConfig(num_levels=2, filters=(2, 4, 8), heads=(3,))


def values(model: keras.Model) -> dict[str, np.ndarray]:
    return {name: v.numpy().copy() for name, v in named_variables(model).items()}


@pytest.mark.weights
@pytest.mark.parametrize(
    ("file", "network"),
    [("weights_lv1.h5", RELEASE.network), ("weights_lv0.h5", RELEASE.coarse_network)],
)
def test_released_files_fill_every_tensor_by_its_path(released_weights, file, network):
    model = build_lod_brain(network)
    load_weights(model, released_weights / file, "lod-brain-release")
    with h5py.File(released_weights / file) as stored:
        variables = named_variables(model)
        for name, path in dataset_paths(variables, "lod-brain-release").items():
            np.testing.assert_array_equal(variables[name].numpy(), stored[path][()])


@pytest.mark.weights
def test_tensors_of_equal_shape_are_not_swapped(released_weights):
    model = build_lod_brain(RELEASE.network)
    load_weights(model, released_weights / "weights_lv1.h5", "lod-brain-release")
    ours = values(model)
    with h5py.File(released_weights / "weights_lv1.h5") as stored:
        for name, path in {
            "level0_entry/kernel": "conv3d/conv3d/kernel:0",
            "level1_entry/kernel": "conv3d_8/conv3d_8/kernel:0",
            "level0_features/kernel": "conv3d_7/conv3d_7/kernel:0",
            "level1_features/kernel": "conv3d_12/conv3d_12/kernel:0",
            "level1_decoder1_up/kernel": "up_plain_2/up_plain_2/conv3d_transpose_2/kernel:0",
        }.items():
            np.testing.assert_array_equal(ours[name], stored[path][()])


@pytest.mark.weights
def test_weights_of_another_network_are_refused_with_names_and_shapes(released_weights):
    model = build_lod_brain(RELEASE.network)
    before = values(model)
    with pytest.raises(WeightsError, match=r"16 tensors do not fit its 46.*-v") as caught:
        load_weights(model, released_weights / "weights_lv0.h5", "lod-brain-release")
    assert "\n" not in str(caught.value)
    assert len(caught.value.details) == 16
    assert any(
        "plain_2/conv3d_9/kernel:0 missing, expected shape (3, 3, 3, 32, 32)" in line
        for line in caught.value.details
    )
    after = values(model)
    assert all(np.array_equal(before[name], after[name]) for name in before), "half-filled"


def test_own_files_come_back_bit_for_bit(tmp_path):
    first, second = build_lod_brain(TINY), build_lod_brain(TINY)
    save_weights(first, tmp_path / "w.h5")
    load_weights(second, tmp_path / "w.h5", "lodbrain")
    expected, got = values(first), values(second)
    assert all(np.array_equal(expected[name], got[name]) for name in expected)
    assert [p.name for p in tmp_path.iterdir()] == ["w.h5"]


def test_a_wrong_shape_names_both_shapes(tmp_path):
    save_weights(build_lod_brain(TINY), tmp_path / "w.h5")
    other = build_lod_brain(TINY.replace(heads=(5,)))
    with pytest.raises(WeightsError) as caught:
        load_weights(other, tmp_path / "w.h5", "lodbrain")
    assert "logits/bias has shape (3,), expected (5,)" in caught.value.details


def test_values_that_are_not_finite_are_refused(tmp_path):
    model = build_lod_brain(TINY)
    model.get_layer("logits").bias.assign([np.nan, 0, 0])
    save_weights(model, tmp_path / "w.h5")
    with pytest.raises(WeightsError, match="not finite"):
        load_weights(build_lod_brain(TINY), tmp_path / "w.h5", "lodbrain")


def test_a_network_without_place_in_the_authors_layout_is_refused(tmp_path):
    save_weights(build_lod_brain(TINY), tmp_path / "w.h5")
    deeper = build_lod_brain(LodBrainConfig(num_levels=1, filters=(2, 2, 4, 4)))
    with pytest.raises(WeightsError, match="no tensors for layer 'level0_encoder2_conv'"):
        load_weights(deeper, tmp_path / "w.h5", "lod-brain-release")


@pytest.mark.parametrize("content", [b"", b"not hdf5 at all", b"\x89HDF\r\n\x1a\n" + bytes(64)])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "w.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not readable as HDF5 weights"):
        load_weights(build_lod_brain(TINY), path, "lodbrain")


def test_links_that_lead_out_of_the_file_are_refused(tmp_path):
    save_weights(build_lod_brain(TINY), tmp_path / "real.h5")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["logits"] = h5py.ExternalLink(tmp_path / "real.h5", "/logits")
    with pytest.raises(WeightsError, match="is a link"):
        load_weights(build_lod_brain(TINY), tmp_path / "w.h5", "lodbrain")
    (tmp_path / "raw").write_bytes(bytes(4 * 3))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        external = [(tmp_path / "raw", 0, 12)]
        file.create_dataset("logits/bias", (3,), "f4", external=external)
    with pytest.raises(WeightsError, match="lies outside the file"):
        load_weights(build_lod_brain(TINY), tmp_path / "x.h5", "lodbrain")
