"""Time LOD-Brain on a GPU with Keras: composed or not, float32 or mixed, per backend.

``python benchmarks/gpu.py VOLUME WEIGHTS [--reference LABELS] [--device gpu:0] [--json OUT]``

VOLUME is a conformed 256³ head (NIfTI), or a NumPy file of one for machines without
nibabel; WEIGHTS the released weights_lv1.h5; REFERENCE labels without post-processing,
likewise. Each row runs in a process of its own, on each backend that is installed: seconds
of the first volume and of the fastest later one, with the whole volume and with the brain's
region, the GPU's peak memory, and labels that differ from REFERENCE, as a share of the
brain. ``--device cpu --side 64`` tries the script where there is no GPU.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

BACKENDS = ("tensorflow", "jax", "torch")
VOLUMES = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volume", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--device", default="gpu:0")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--side", type=int, default=256, help="cut the volume to a cube")
    parser.add_argument("--backends", nargs="+", default=list(BACKENDS))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options, *options.child)))
        return
    rows = []
    print("| backend | graph | precision | whole: first s | warm s | region: warm s "
          "| peak GiB | differing |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for backend in options.backends:
        if importlib.util.find_spec(backend) is None:
            continue
        for graph in ("composed", "as it stands"):
            for precision in ("float32", "mixed"):
                rows.append(run_child(backend, graph, precision))
                show(rows[-1])
                if options.json:  # as far as it has come: such machines are lent by the minute
                    options.json.write_text(json.dumps(rows, indent=2))


def run_child(backend: str, graph: str, precision: str) -> dict:
    command = [sys.executable, *sys.argv, "--child", backend, graph, precision]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    facts = {"backend": backend, "graph": graph, "precision": precision}
    if done.returncode:
        return {**facts, "failed": done.stderr.strip().splitlines()[-3:]}
    return {**facts, **json.loads(done.stdout.splitlines()[-1])}


def show(row: dict) -> None:
    names = f"| {row['backend']} | {row['graph']} | {row['precision']} |"
    if "failed" in row:
        print(names, "failed:", " ".join(row["failed"]), "|", flush=True)
        return
    differing = f"{row['differing']:.4%}" if "differing" in row else ""
    print(
        names, f"{row['first_s']:.2f} | {row['warm_s']:.3f} | {row['region_s']:.3f} |",
        f"{row['peak_bytes'] / 2**30:.2f} | {differing} |", flush=True,
    )  # fmt: skip


def read(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path)
    import nibabel

    return np.asarray(nibabel.load(path).dataobj)


def measure(options, backend: str, graph: str, precision: str) -> dict:
    """One way, volume after volume."""
    from lodbrain_cli.imaging.intensity import z_score

    corner = (slice(0, options.side),) * 3
    image = z_score(read(options.volume)[corner].astype(np.float32))
    engine, network = start(options, composed=graph == "composed", mixed=precision == "mixed")
    result: dict = {"engine": engine}
    seconds, regions = [], []
    for only_brain, times in ((False, seconds), (True, regions)):
        for _ in range(VOLUMES):
            started = time.perf_counter()
            prediction = network(image, only_brain)
            times.append(time.perf_counter() - started)
            if not only_brain:
                labels = prediction.output.argmax(axis=0)
    result |= {"first_s": seconds[0], "warm_s": min(seconds[1:]), "region_s": min(regions[1:])}
    result["peak_bytes"] = peak_bytes(backend, options.device)
    if options.reference:
        reference = read(options.reference)[corner]
        result["differing"] = np.count_nonzero(labels != reference) / np.count_nonzero(reference)
    return result


def start(options, *, composed: bool, mixed: bool):
    """Start the engine as `segment` does, but for what is varied here."""
    from lodbrain_cli.inference.keras_backend import start_keras

    backend = start_keras(options.device, len(os.sched_getaffinity(0)))
    with backend.scope():
        from lodbrain_cli.inference.execution import StagedNetwork
        from lodbrain_cli.inference.keras_engine import keras_compiler
        from lodbrain_cli.inference.memory import GPU_BUDGETS
        from lodbrain_cli.networks.checkpoint import load_weights
        from lodbrain_cli.networks.keras_graph import read_graph
        from lodbrain_cli.networks.lod_brain import build_lod_brain
        from lodbrain_cli.presets import get_preset

        preset = get_preset("lod-brain")
        model = build_lod_brain(preset.network)
        load_weights(model, options.weights, preset.weights.layout)
        staged = StagedNetwork(
            read_graph(model),
            keras_compiler(mixed=mixed),
            compose=composed,
            budgets=GPU_BUDGETS,
        )

    def predict(image, only_brain):
        with backend.scope():
            return staged.predict(image, only_brain=only_brain)

    return f"{backend.name} {backend.version}, Keras {backend.keras_version}", predict


def peak_bytes(backend: str, device: str) -> int:
    """Return the most memory of the GPU that the backend held; 0 on a CPU."""
    if device == "cpu":
        return 0
    number = int(device.partition(":")[2] or 0)
    if backend == "torch":
        import torch

        return torch.cuda.max_memory_allocated(number)
    if backend == "jax":
        import jax

        return jax.devices("gpu")[number].memory_stats()["peak_bytes_in_use"]
    import tensorflow as tf

    return tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]


if __name__ == "__main__":
    main()
