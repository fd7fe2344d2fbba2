"""Run in a process of its own, since a process has one Keras backend.

``python engine_check.py TINY`` compares slabs with the whole graph;
``python engine_check.py WEIGHTS DATA`` compares AOMIC with the exact reference.
Prints one line of JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np


def tiny() -> dict[str, float]:
    import keras

    from lodbrain_cli.inference.keras_engine import KerasEngine
    from lodbrain_cli.networks.lod_brain import build_lod_brain
    from lodbrain_cli.presets import NetworkConfig

    keras.utils.set_random_seed(7)
    model = build_lod_brain(NetworkConfig(num_classes=4, filters=(2, 4, 8)))
    image = np.random.default_rng(5).normal(size=(40, 24, 32)).astype("float32")
    whole = keras.ops.convert_to_numpy(model(image[None, ..., None], training=False))[0]
    worst = 0.0
    # From one voxel a slab (rounded up to what a stage needs) to the whole at once.
    for thickness in (1, 6, 9, 40):
        engine = KerasEngine(model, slab_bytes=thickness * 8 * 4 * 24 * 32)
        output = engine.predict(image).output
        worst = max(worst, float(np.abs(np.moveaxis(output, 0, -1) - whole).max()))
    return {"worst": worst, "backend": keras.backend.backend()}


def aomic(weights: Path, data: Path) -> dict[str, float]:
    import keras
    import nibabel as nib

    from lodbrain_cli.imaging.intensity import z_score
    from lodbrain_cli.inference.keras_engine import KerasEngine
    from lodbrain_cli.networks.checkpoint import load_weights
    from lodbrain_cli.networks.lod_brain import build_lod_brain
    from lodbrain_cli.presets import get_preset

    preset = get_preset("lod-brain")
    model = build_lod_brain(preset.network)
    load_weights(model, weights / "weights_lv1.h5", "lod-brain-release")
    image = nib.load(data / "pairs/aomic/AOMIC_T1w.nii.gz")
    scan = z_score(np.asarray(image.dataobj).astype(np.float32))
    prediction = KerasEngine(model, "logits").predict(scan)
    reference = data / "reference"
    labels = np.asarray(nib.load(reference / "AOMIC_lod-brain_labels.nii.gz").dataobj)
    logits = np.load(reference / "AOMIC_lod-brain_logits_every8.npy")
    ours = np.moveaxis(prediction.output, 0, -1)[::8, ::8, ::8]
    return {
        "backend": keras.backend.backend(),
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
    result = tiny() if sys.argv[1] == "TINY" else aomic(*map(Path, sys.argv[1:]))
    sys.stdout.write(json.dumps(result) + "\n")
