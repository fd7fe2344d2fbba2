"""Time plain Keras, each engine and the whole command, each in a process of its own.

``python benchmarks/segment.py SCAN WEIGHTS [--reference LABELS] [--json OUT]``

WEIGHTS holds the released weights_lv1.h5. Prints the table of docs/performance.md: wall
seconds of the first volume and of the fastest of the later ones, peak resident memory, and
labels (no post-processing) that differ from REFERENCE, as a share of the brain. Plain Keras
needs 20 GB.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WAYS = {
    "plain Keras `predict` on TensorFlow": ("plain", "tensorflow"),
    "engine keras on TensorFlow": ("keras", "tensorflow"),
    "engine keras on JAX": ("keras", "jax"),
    "engine keras on PyTorch": ("keras", "torch"),
    "engine openvino": ("openvino", "tensorflow"),
    "engine openvino, the whole volume": ("openvino-whole", "tensorflow"),
}
VOLUMES = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--ways", nargs="+", default=[w for w, _ in WAYS.values()])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options)))
        return
    rows = {}
    for title, (way, backend) in WAYS.items():
        if way in options.ways:
            rows[title] = run_child(way, backend, options)
    rows["whole command, openvino"] = run_command(options)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2))
    report(rows)


def machine() -> str:
    model = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines()
         if x.startswith("model name")),
        platform.processor(),
    )  # fmt: skip
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def run_child(way: str, backend: str, options) -> dict:
    command = [sys.executable, __file__, options.scan, options.weights, "--child", way]
    if options.reference:
        command += ["--reference", options.reference]
    done = subprocess.run(
        command,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


def measure(way: str, options) -> dict:
    """Network alone, on one volume after the other."""
    from lodbrain_cli.imaging.conform import to_conformed
    from lodbrain_cli.imaging.intensity import z_score
    from lodbrain_cli.imaging.nifti import read_t1w
    from lodbrain_cli.postprocessing import most_probable

    scan = read_t1w(options.scan)
    image = z_score(to_conformed(scan.data, scan.affine)[0])
    started = time.perf_counter()
    predict = plain_keras(options.weights) if way == "plain" else engine(way, options.weights)
    load_s = time.perf_counter() - started
    seconds = []
    for _ in range(VOLUMES):
        started = time.perf_counter()
        output = predict(image)
        seconds.append(time.perf_counter() - started)
    result = {
        "load_s": load_s,
        "first_s": seconds[0],
        "warm_s": min(seconds[1:]),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    if options.reference:
        import nibabel as nib

        reference = np.asarray(nib.load(options.reference).dataobj)
        differing = np.count_nonzero(most_probable(output) != reference)
        result["differing"] = differing / np.count_nonzero(reference)
    return result


def plain_keras(weights: Path):
    """Build the authors' graph as it stands: Keras' own layers, the whole volume at once."""
    import keras

    from lodbrain_cli.networks import blocks
    from lodbrain_cli.networks.checkpoint import load_weights
    from lodbrain_cli.networks.lod_brain import build_lod_brain
    from lodbrain_cli.presets import get_preset

    def keras_normalise(x, config, name):
        groups = min(config.max_groups, x.shape[-1])
        return keras.layers.GroupNormalization(groups, epsilon=config.epsilon, name=name)(x)

    blocks.normalise = keras_normalise
    preset = get_preset("lod-brain")
    model = build_lod_brain(preset.network, (256, 256, 256))
    load_weights(model, weights, preset.weights.layout)
    return lambda image: np.moveaxis(model.predict(image[None, ..., None], verbose=0)[0], -1, 0)


def engine(way: str, weights: Path):
    """Start an engine; as `segment` uses it, the fine level only where the brain is."""
    name, _, whole = way.partition("-")
    from lodbrain_cli.inference.engines import start_engine
    from lodbrain_cli.presets import get_preset

    started = start_engine(
        get_preset("lod-brain").level("fine"), weights, engine=name, device="cpu",
        threads=len(os.sched_getaffinity(0)),
    )  # fmt: skip
    return lambda image: started.predict(image, only_brain=not whole).output


def run_command(options) -> dict:
    """``lodbrain segment`` from its start to the file on disk, post-processing on."""
    seconds, record = [], {}
    for _ in range(VOLUMES):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "seg.nii.gz"
            command = [
                Path(sys.executable).with_name("lodbrain"), "segment", options.scan, "-o", target,
                "--weights", options.weights, "--device", "cpu", "-q",
            ]  # fmt: skip
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
            record = json.loads(target.with_name("seg_run.json").read_text())
    return {
        "load_s": record["load_seconds"],
        "first_s": seconds[0],
        "warm_s": min(seconds[1:]),
        "peak_bytes": record["peak_memory_bytes"],
        "steps": record["seconds"],
    }


def report(rows: dict) -> None:
    print(f"{machine()}\n")
    print("| way | load s | first s | warm s | of plain Keras | peak GB | labels that differ |")
    print("|---|---|---|---|---|---|---|")
    plain = next(iter(rows.values())).get("warm_s")
    for title, row in rows.items():
        if "failed" in row:
            print(f"| {title} | failed: {' '.join(row['failed'])} | | | | | |")
            continue
        ratio = f"1/{plain / row['warm_s']:.1f}" if plain else ""
        differing = f"{row['differing']:.3%}" if "differing" in row else ""
        print(
            f"| {title} | {row['load_s']:.1f} | {row['first_s']:.1f} | {row['warm_s']:.1f} "
            f"| {ratio} | {row['peak_bytes'] / 1e9:.1f} | {differing} |"
        )
    steps = next(row["steps"] for row in rows.values() if "steps" in row)
    print("\nThe whole command, seconds per step: ", end="")
    print(", ".join(f"{name} {s:.1f}" for name, s in steps.items()))


if __name__ == "__main__":
    main()
