"""Networks that nobrainer published, as folders that every command takes as a preset."""

from pathlib import Path

from ..errors import UsageError, WeightsError
from ..files import check_writable, make_folder
from ..labels import LabelSet, get_label_set
from ..presets import MODEL_FILE, Preset, UNetConfig, WeightsFile, Windows
from ..weights.store import sha256_of
from .build import build_network
from .checkpoint import load_weights, save_weights
from .layouts import paths_of_layout
from .model_folder import write_model_file
from .tensors import read_all_tensors

__all__ = ["import_nobrainer_unet"]

_LAYOUT, _WEIGHTS = "nobrainer-unet", "network.h5"


def import_nobrainer_unet(
    source: Path, folder: Path, *, classes: LabelSet | None = None, block: int = 128, stride: int
) -> Path:
    """Take over a U-Net in the layout of ``brain-extraction-unet-128iso-model.h5``.

    Tensors alone are read, by the names of their layers: nothing that the file
    says of a model is built or run.

    Parameters
    ----------
    source : Path
        HDF5, a whole model or weights alone, of nobrainer 0.1 (SPEC C.1), with or
        without batch normalisation.
    folder : Path
        Folder for weights and ``model.json``, made where there is none.
    classes : LabelSet, optional
        What the network says; default for one channel: brain. Needed for more.
    block : int
        Side of the blocks that it sees one after the other, in voxels of 1 mm.
    stride : int
        From block to block; less than `block` lets them overlap.

    Returns
    -------
    Path
        Of the ``model.json``.

    Raises
    ------
    WeightsError
        When the file is no such network.
    UsageError
        When block, stride or classes cannot be.
    OutputError
        When the folder holds a ``model.json`` already, or cannot be written.
    """
    if block < 8 or block % 8 or not 1 <= stride <= block:
        msg = (
            f"blocks of {block} at every {stride} voxels: expected a block that is a multiple "
            "of 8 and a stride from 1 to it"
        )
        raise UsageError(msg)
    network, label_set = _shape_of(source, classes)
    model = build_network(network)
    load_weights(model, source, _LAYOUT)
    make_folder(folder)
    check_writable(folder / MODEL_FILE, overwrite=False)
    weights = folder / _WEIGHTS
    save_weights(model, weights)
    file = WeightsFile(_WEIGHTS, sha256_of(weights), weights.stat().st_size, (), "lodbrain")
    # Last: without it the folder is no preset.
    return write_model_file(_preset(source, network, label_set, file, (block, stride)), folder)


def _shape_of(source: Path, classes: LabelSet | None) -> tuple[UNetConfig, LabelSet]:
    """Architecture and classes by the tensors that a file holds."""
    stored = read_all_tensors(source)
    tensors = {place: stored[path] for path, place in paths_of_layout(stored, _LAYOUT).items()}
    last = tensors.get("conv3d_14/kernel:0")
    first = tensors.get("conv3d_0/kernel:0")
    if last is None or first is None or last.ndim != 5 or first.ndim != 5:
        msg = (
            f"{source}: no U-Net of nobrainer: expected 15 convolutions (conv3d, conv3d_1 and so "
            f"on), found {', '.join(sorted(stored)[:3]) or 'no tensors'}"
        )
        raise WeightsError(msg)
    channels = last.shape[-1]
    found = channels + (channels == 1)
    if classes is None and found != 2:
        msg = f"{source}: the network has {found} classes; name them with --classes FILE"
        raise UsageError(msg)
    label_set = classes or get_label_set("brain")
    if label_set.num_classes != found:
        msg = f"{source}: the network has {found} classes, --classes {label_set.num_classes}"
        raise UsageError(msg)
    config = UNetConfig(
        heads=(found,),
        filters=first.shape[-1],
        activation="sigmoid" if channels == 1 else "softmax",
        batch_normalisation=any(name.startswith("batch_normalization_0/") for name in tensors),
    )
    return config, label_set


def _preset(
    source: Path,
    network: UNetConfig,
    label_set: LabelSet,
    weights: WeightsFile,
    windows: tuple[int, int],
) -> Preset:
    block, stride = windows
    return Preset(
        name="nobrainer-unet",
        summary=f"U-Net of nobrainer, taken over from {source.name}: {label_set.name}.",
        network=network,
        weights=weights,
        label_sets=(label_set,),
        normalisation="z_score_volume",
        training_data="not stated by the file; see where it was published",
        licence="not stated by the file; nobrainer's own models are Apache-2.0",
        citation="nobrainer, github.com/neuronets/nobrainer",
        windows=Windows((block,) * 3, (stride,) * 3),
    )
