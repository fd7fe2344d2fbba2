"""Seconds of one training step, with the network as it stands and composed, in turn.

``KERAS_BACKEND=tensorflow python benchmarks/training_step.py [THREADS]``

Batch 1, Adam, per-channel Dice loss, noise for an image; the fastest of three steps after one that
compiles. Prints the table of docs/training.md.
"""

import resource
import sys
import time

import numpy as np

from lodbrain_cli.inference.devices import allowed_threads
from lodbrain_cli.inference.keras_backend import start_keras

SHAPES = {1: (80, 96, 104), 2: (128, 144, 160)}


def main() -> None:
    backend = start_keras("auto", int(sys.argv[1]) if len(sys.argv) > 1 else allowed_threads())
    place = f"{backend.name} {backend.version}, {backend.device}, {backend.threads} threads"
    print(f"{place}\n\n| levels | voxels | plain s | composed s | ratio |\n|---|---|---|---|---|")
    with backend.scope():
        for levels, shape in SHAPES.items():
            plain, composed = (seconds(levels, shape, compose=c) for c in (False, True))
            sides = " x ".join(map(str, shape))
            row = f"{levels} | {sides} | {plain:.2f} | {composed:.2f} | 1/{plain / composed:.1f}"
            print(f"| {row} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\nPeak memory {peak:.1f} GB.")


def seconds(levels: int, shape: tuple[int, int, int], *, compose: bool) -> float:
    import keras

    from lodbrain_cli.networks.composed_model import compose_model
    from lodbrain_cli.networks.lod_brain import build_lod_brain
    from lodbrain_cli.presets import LodBrainConfig
    from lodbrain_cli.training.losses import LOSSES

    model = build_lod_brain(LodBrainConfig(num_levels=levels, l2=0.0, dropout=0.0))
    trained = compose_model(model) if compose else model
    optimizer = keras.optimizers.Adam(1e-3)
    trained.compile(optimizer=optimizer, loss=LOSSES["per_channel_dice_loss"])
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, *shape, 1)).astype("f4")
    target = np.eye(7, dtype="f4")[rng.integers(0, 7, (1, *shape))]
    times = []
    for _ in range(4):
        began = time.perf_counter()
        trained.train_on_batch(image, target)
        times.append(time.perf_counter() - began)
    return min(times[1:])


if __name__ == "__main__":
    main()
