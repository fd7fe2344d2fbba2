"""A U-Net as nobrainer published it becomes a preset, by the names of its tensors alone."""

import h5py
import keras
import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from lodbrain_cli.cli.main import cli
from lodbrain_cli.errors import OutputError, UsageError, WeightsError
from lodbrain_cli.networks.build import build_network
from lodbrain_cli.networks.checkpoint import load_weights
from lodbrain_cli.networks.published import import_nobrainer_unet
from lodbrain_cli.presets import find_preset

from ..phantoms import GRIDS, HEAD, phantom, rotation


def published_unet(channels: int = 1, *, batchnorm: bool = False) -> keras.Model:
    """Written down anew from SPEC C.1, layers without names, as nobrainer makes them."""

    def pair(x, *widths):
        for width in widths:
            x = layers.Conv3D(width, 3, padding="same")(x)
            x = layers.BatchNormalization()(x) if batchnorm else x
            x = layers.Activation("relu")(x)
        return x

    image = keras.Input((None, None, None, 1))
    skips, x = [], image
    for scale in range(4):
        x = layers.MaxPool3D(2)(x) if scale else x
        x = pair(x, 2 * 2**scale, 4 * 2**scale)
        skips.append(x)
    skips.pop()
    for scale in (2, 1, 0):
        x = layers.Conv3DTranspose(8 * 2**scale, 2, strides=2, padding="same")(x)
        x = layers.Concatenate()([skips.pop(), x])
        x = pair(x, 4 * 2**scale, 4 * 2**scale)
    x = layers.Conv3D(channels, 1)(x)
    x = layers.Activation("sigmoid" if channels == 1 else "softmax")(x)
    model = keras.Model(image, x)
    rng = np.random.default_rng(0)
    for weight in model.weights:  # no tensor is like another, none is flat
        if weight.name == "kernel":
            fan_in = np.prod(weight.shape[:-1])
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
        else:
            weight.assign(weight + rng.uniform(0.01, 0.1, weight.shape))
    return model


def write_as_keras_2(model: keras.Model, path, *, whole: bool = True, first: int = 0) -> None:
    """Keras 2's layout: ``[model_weights/]conv3d_1/conv3d_1/kernel:0``, numbered from `first`."""
    kinds = {"Conv3D": "conv3d", "Conv3DTranspose": "conv3d_transpose"}
    kinds["BatchNormalization"] = "batch_normalization"
    counts = dict.fromkeys(kinds, first)
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        root.attrs["keras_version"] = "2.2.4-tf"
        if whole:
            file.attrs["model_config"] = '{"class_name": "Lambda"}'  # is never looked at
            file.create_dataset("optimizer_weights/training/Adam/iter:0", data=np.float32(3))
        for layer in model.layers:
            kind = kinds.get(type(layer).__name__)
            if kind is None:
                root.create_group(layer.name)
                continue
            number = counts[type(layer).__name__]
            counts[type(layer).__name__] += 1
            name = f"{kind}_{number}" if number else kind
            for weight in layer.weights:
                root.create_dataset(f"{name}/{name}/{weight.name}:0", data=weight.numpy())


@pytest.mark.parametrize("batchnorm", [False, True])
@pytest.mark.parametrize(("whole", "first"), [(True, 0), (True, 7), (False, 0)])
def test_a_published_network_computes_the_same_as_a_preset(tmp_path, rng, batchnorm, whole, first):
    theirs = published_unet(batchnorm=batchnorm)
    write_as_keras_2(theirs, tmp_path / "model.h5", whole=whole, first=first)
    made = import_nobrainer_unet(tmp_path / "model.h5", tmp_path / "ours", stride=64)
    preset = find_preset(str(made.parent))
    assert preset.network.heads == (2,)
    assert preset.label_set.name == "brain"
    assert preset.windows.shape == (128,) * 3
    assert preset.windows.stride == (64,) * 3
    ours = build_network(preset.network)
    load_weights(ours, made.parent / preset.weights.name, "lodbrain")
    image = rng.normal(size=(1, 16, 24, 16, 1)).astype("float32")
    brain = np.asarray(theirs(image))[..., 0]
    np.testing.assert_allclose(np.asarray(ours(image))[..., 1], brain, atol=1e-6)
    assert brain.std() > 0.01


def test_one_of_more_classes_needs_their_names(tmp_path):
    write_as_keras_2(published_unet(3), tmp_path / "model.h5")
    with pytest.raises(UsageError, match="3 classes; name them with --classes"):
        import_nobrainer_unet(tmp_path / "model.h5", tmp_path / "ours", stride=128)
    assert not (tmp_path / "ours").exists()


def test_files_of_other_networks_are_refused_and_nothing_is_written(tmp_path):
    write_as_keras_2(published_unet(), tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        place = "model_weights/conv3d_3/conv3d_3/kernel:0"
        swapped = file[place][:, :, :, :-1]
        del file[place]
        file[place] = swapped
    with pytest.raises(WeightsError, match="1 tensors do not fit"):
        import_nobrainer_unet(tmp_path / "model.h5", tmp_path / "ours", stride=128)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["dense/dense/kernel:0"] = np.zeros((3, 3), np.float32)
    with pytest.raises(WeightsError, match=r"no U-Net of nobrainer.*dense/dense/kernel:0"):
        import_nobrainer_unet(tmp_path / "other.h5", tmp_path / "ours", stride=128)
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize(("block", "stride"), [(100, 50), (0, 1), (128, 129), (128, 0)])
def test_blocks_that_cannot_be_are_refused(tmp_path, block, stride):
    with pytest.raises(UsageError, match="multiple of 8"):
        import_nobrainer_unet(tmp_path / "x.h5", tmp_path / "ours", block=block, stride=stride)


def test_a_preset_is_never_written_over(tmp_path):
    write_as_keras_2(published_unet(), tmp_path / "model.h5")
    import_nobrainer_unet(tmp_path / "model.h5", tmp_path / "ours", stride=128)
    before = (tmp_path / "ours/network.h5").read_bytes()
    with pytest.raises((OutputError, UsageError), match=r"model\.json"):
        import_nobrainer_unet(tmp_path / "model.h5", tmp_path / "ours", stride=128)
    assert (tmp_path / "ours/network.h5").read_bytes() == before


def test_it_extracts_a_brain_with_a_real_engine(tmp_path):
    model = published_unet()
    for weight in model.weights:  # brain is what is bright: the first channel passes it on
        made = np.zeros(weight.shape)
        if weight.name == "kernel" and weight.shape[0] == 3:
            made[1, 1, 1, 0, 0] = 1
        elif weight.name == "kernel" and weight.shape[0] == 1:
            made[0, 0, 0, 0, 0] = 40
        elif weight.shape == (1,):
            made[0] = -20
        weight.assign(made)
    write_as_keras_2(model, tmp_path / "model.h5")
    oblique = rotation((12, -8, 20)) @ GRIDS["PIR"]
    scan = phantom(tmp_path, "sub-01_T1w.nii.gz", oblique, (1.6, 2.4, 2.0), (130, 90, 100))
    folder, mask = tmp_path / "ours", tmp_path / "mask.nii.gz"

    def run(*arguments):
        return CliRunner().invoke(cli, [str(a) for a in arguments])

    result = run("weights", "import", tmp_path / "model.h5", "-o", folder, "--stride", "96")
    assert result.stdout == f"{folder / 'model.json'}\n"
    result = run("extract", "--preset", folder, scan, "--mask", mask)
    assert result.exit_code == 0, result.stderr
    head, inside = (np.asarray(nib.load(p).dataobj) for p in (scan, mask))
    head, inside = head > HEAD / 2, inside > 0
    assert 2 * (head & inside).sum() / (head.sum() + inside.sum()) > 0.95
