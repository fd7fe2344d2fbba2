"""Dice of a training stage's weights on a labelled scan, at the stage's own resolution.

``python benchmarks/stage_dice.py RUN STAGE T1W LABELS [LABEL_MAP]``

RUN is the folder of a training run, STAGE the name of one of its stages. The scan is
conformed, normalised and max-pooled as for inference, for a network native to the brain's
box in the box around LABELS; the labels of each coarse voxel are those of most of its
parts. Also printed: the labels brought to 1 mm, with LABELS there.
"""

import argparse
from pathlib import Path

import numpy as np

from lodbrain_cli.imaging.components import bounding_box
from lodbrain_cli.imaging.extent import extent_around
from lodbrain_cli.inference.devices import allowed_threads
from lodbrain_cli.inference.keras_backend import start_keras


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("stage")
    parser.add_argument("image", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("label_map", nargs="?", default="lod-brain-7")
    options = parser.parse_args()
    start_keras("auto", allowed_threads())
    from keras import ops

    from lodbrain_cli.evaluation.overlap import dice_scores
    from lodbrain_cli.networks.checkpoint import load_weights
    from lodbrain_cli.networks.lod_brain import build_lod_brain
    from lodbrain_cli.training.config import read_config
    from lodbrain_cli.training.dataset import Pair
    from lodbrain_cli.training.samples import network_sample
    from lodbrain_cli.training.volumes import VolumeCache, read_pair

    config = read_config(options.run / "config.yaml")
    stage = next(s for s in config.stages if s.name == options.stage)
    model = build_lod_brain(config.stage_network(stage))
    load_weights(model, options.run / f"{stage.name}.h5", "lodbrain")
    pair = read_pair(
        Pair(options.image.name, options.labels, options.image, options.label_map),
        VolumeCache(None),
    )
    pool = round(stage.voxel_mm)
    box = (slice(None),) * 3
    if stage.sees == "brain":
        box = extent_around(bounding_box(pair.labels > 0), pair.labels.shape)
    labels = np.ascontiguousarray(pair.labels[box])
    image = np.ascontiguousarray(pair.image[box])
    sample = network_sample(ops.convert_to_tensor(image), ops.cast(labels, "int32"), pool, 7)
    found = np.argmax(ops.convert_to_numpy(model.predict_on_batch(sample.image)), -1)[0]
    coarse = np.argmax(ops.convert_to_numpy(sample.target), -1)[0]
    fine = found.repeat(pool, 0).repeat(pool, 1).repeat(pool, 2)
    for name, ours, theirs in (
        (f"at {pool} mm", found, coarse),
        ("repeated to 1 mm", fine, labels),
    ):
        scores = dice_scores(ours, theirs, 7)
        print(f"{name:18s} {' '.join(f'{s:.3f}' for s in scores)}  mean {np.nanmean(scores):.3f}")


if __name__ == "__main__":
    main()
