"""Run in a process of its own, since a process has one Keras backend.

``python engine_check.py ENGINE TINY`` compares tiles with the whole graph;
``python engine_check.py ENGINE WEIGHTS DATA`` compares AOMIC with the exact
reference. ENGINE is ``openvino`` or ``keras`` (its backend: KERAS_BACKEND).
Prints one line of JSON.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np


def compiler(engine: str):
    if engine == "openvino":
        from lodbrain_cli.inference.openvino_engine import openvino_compiler

        return openvino_compiler(threads=2)
    from lodbrain_cli.inference.keras_engine import keras_compiler

    return keras_compiler()


def tiny(engine: str) -> dict[str, float]:
    from lodbrain_cli.inference.keras_backend import start_keras

    with start_keras("cpu", threads=2).scope():  # as the engine is started for a scan
        return compare_tiles(engine)


def compare_tiles(engine: str) -> dict[str, float]:
    import keras

    from lodbrain_cli.networks.build import build_network
    from lodbrain_cli.networks.keras_graph import read_graph

    rng = np.random.default_rng(7)
    worst = {}
    for config, images, composed in tiny_networks():
        model = build_network(config)
        for layer in model.layers:
            for weight in layer.weights:  # biases too: the border depends on them
                values = rng.normal(size=weight.shape) * 0.3
                weight.assign(np.abs(values) + 0.5 if "variance" in weight.name else values)
        graph = read_graph(model)
        for image in images:
            whole = keras.ops.convert_to_numpy(model(image[None, ..., None], training=False))[0]
            apart = worst_of_tilings(engine, graph, image, whole, composed)
            worst[config.architecture] = max(worst.get(config.architecture, 0.0), apart)
    return {"worst": worst, "backend": keras.backend.backend()}


def tiny_networks():
    """Each architecture, with images that are longer than its tiles, and how it is computed.

    The neighbours are computed as engines do, composed, alone: to compile takes time.
    """
    from lodbrain_cli.presets import CerebrumConfig, LodBrainConfig, NeuroNetConfig, UNetConfig

    lod_brain = LodBrainConfig(heads=(3, 2), filters=(2, 4, 8))
    yield lod_brain, tiny_images(), (False, True)
    long = np.random.default_rng(6).normal(size=(16, 16, 128)).astype("float32")
    options = {"activation": "softmax", "batch_normalisation": True, "dropout": 0.1}
    yield UNetConfig(filters=2), [long], (True,)
    yield UNetConfig(filters=2, heads=(3, 2), **options), [long], (True,)
    yield CerebrumConfig(filters=3, heads=(4,)), [long], (True,)
    yield NeuroNetConfig(filters=(2, 4, 8), heads=(3, 5)), [long], (True,)


def tiny_images():
    """One that varies everywhere, and one with a background of one value up to the border."""
    noise = np.random.default_rng(5).normal(size=(40, 24, 32)).astype("float32")
    padded = np.full((56, 48, 40), 0.7, np.float32)
    padded[12:38, :19, 7:30] = noise[:26, :19, :23]
    return noise, padded


def worst_of_tilings(engine: str, graph, image, whole, composed: tuple[bool, ...]) -> float:
    from lodbrain_cli.inference.execution import StagedNetwork
    from lodbrain_cli.inference.memory import Budget

    worst = 0.0
    # From one voxel a tile (rounded up to what a stage needs) to the whole at once.
    for compose in composed:
        for thickness in (1, 9, 40) if engine == "openvino" else (9,):
            budget = Budget(thickness * 8 * 4 * 24 * 32)
            network = StagedNetwork(graph, compiler(engine), compose=compose, budgets=[budget])
            output = np.moveaxis(network.predict(image).output, 0, -1)
            worst = max(worst, float(np.abs(output - whole).max()))
    return worst


def aomic(engine: str, weights: Path, data: Path) -> dict[str, float]:
    import nibabel as nib

    from lodbrain_cli.imaging.intensity import z_score
    from lodbrain_cli.inference.execution import StagedNetwork
    from lodbrain_cli.networks.frozen import frozen_graph

    graph = frozen_graph("lod-brain", weights / "weights_lv1.h5", "lod-brain-release")
    image = nib.load(data / "pairs/aomic/AOMIC_T1w.nii.gz")
    scan = z_score(np.asarray(image.dataobj).astype(np.float32))
    prediction = StagedNetwork(
        graph, compiler(engine), output="logits", compose=os.environ["KERAS_BACKEND"] != "jax"
    ).predict(scan)
    reference = data / "reference"
    labels = np.asarray(nib.load(reference / "AOMIC_lod-brain_labels.nii.gz").dataobj)
    logits = np.load(reference / "AOMIC_lod-brain_logits_every8.npy")
    ours = np.moveaxis(prediction.output, 0, -1)[::8, ::8, ::8]
    return {
        "keras": "keras" in sys.modules,
        "differing_share": float(
            (prediction.output.argmax(0) != labels).sum() / (labels > 0).sum()
        ),
        "logits": float(np.abs(ours - logits).max()),
        "variance": _worst_variance(prediction.moments, reference),
    }


def _worst_variance(moments, reference: Path) -> float:
    """Largest relative error of a group's variance over all normalisations."""
    file = reference / "AOMIC_lod-brain_group_statistics.json"
    worst = 0.0
    layers = json.loads(file.read_text())["layers"]
    for title, exact in layers.items():
        name = title.split(" (")[0].replace(" ", "_").replace("decoder", "decoder1")
        name = name.replace("decoder11", "decoder1").replace("decoder12", "decoder2")
        variance = moments[f"{name}_norm_moments"][1]
        worst = max(worst, float(np.abs(variance / np.array(exact["variance"]) - 1).max()))
    assert len(layers) == len(moments)
    return worst


if __name__ == "__main__":
    engine, *rest = sys.argv[1:]
    result = tiny(engine) if rest == ["TINY"] else aomic(engine, *map(Path, rest))
    sys.stdout.write(json.dumps(result) + "\n")
