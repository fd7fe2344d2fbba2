"""Time plain Keras, each engine and the whole command, each in a process of its own.

``python benchmarks/segment.py DATA WEIGHTS [--json OUT] [--parts network commands batch sizes]``

DATA is the folder of test data (pairs/aomic, heads, reference), WEIGHTS holds the released
weights. Prints the tables of docs/performance.md: the network alone (wall and CPU seconds of
the first volume and of the fastest later one, peak resident memory, labels without
post-processing that differ from the exact reference); the whole command on a scan of 1 mm
and one of 0.7 mm, on one thread, within 1 GiB, at the coarse level; eight scans in one
process; memory against the volume's size; and how far from the processor's peak the network
is. Plain Keras needs 20 GB.
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
COMMANDS = {
    "1 mm": ("aomic", ()),
    "1 mm, one thread": ("aomic", ("--threads", "1")),
    "1 mm, `--memory 1G`": ("aomic", ("--memory", "1G")),
    "1 mm, `--level coarse`": ("aomic", ("--level", "coarse")),
    "0.7 mm": ("fine", ()),
    "0.7 mm, `--level coarse`": ("fine", ("--level", "coarse")),
}
STEPS = ("read", "conform", "infer", "clean", "label")
PARTS = ("network", "commands", "batch", "sizes")
VOLUMES = 3
BATCH = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--ways", nargs="+", default=[w for w, _ in WAYS.values()])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options)))
        return
    print(f"{machine()}\n")
    results: dict = {"machine": machine()}
    for part in options.parts:
        results[part] = {"network": networks, "commands": commands, "batch": batch,
                         "sizes": sizes}[part](options)  # fmt: skip
        if options.json:
            options.json.write_text(json.dumps(results, indent=2))


def scan_of(options, name: str) -> Path:
    paths = {"aomic": "pairs/aomic/AOMIC_T1w.nii.gz", "fine": "heads/studyforrest_sub02_T1w.nii.gz"}
    return options.data / paths[name]


def networks(options) -> dict:
    rows = {
        title: run_child(way, backend, options)
        for title, (way, backend) in WAYS.items()
        if way in options.ways
    }
    report(rows)
    fastest = rows.get("engine openvino")
    if fastest and "failed" not in fastest:
        peak = matrix_product_gmacs()
        work = multiply_adds(options, fastest["computed"])
        rows["limit"] = {"gmac": work, "peak_gmac_per_s": peak}
        seconds = fastest["warm_s"]
        print(
            f"\nEngine openvino: {work:.0f} G multiply-adds in {seconds:.1f} s are "
            f"{work / seconds:.0f} G/s; a product of two large matrices on the same cores reaches "
            f"{peak:.0f} G/s, at which the network would take {work / peak:.1f} s."
        )
    return rows


def machine() -> str:
    model = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines()
         if x.startswith("model name")),
        platform.processor(),
    )  # fmt: skip
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def run_child(way: str, backend: str, options) -> dict:
    command = [sys.executable, __file__, options.data, options.weights, "--child", way]
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
    """Network alone, on one volume after the other; or on one volume of a given side."""
    from lodbrain_cli.imaging.conform import to_conformed
    from lodbrain_cli.imaging.intensity import z_score
    from lodbrain_cli.imaging.nifti import read_t1w

    way, _, side = way.partition("@")
    scan = read_t1w(scan_of(options, "aomic"))
    corner = (slice(0, int(side or 256)),) * 3
    image = z_score(to_conformed(scan.data, scan.affine)[0][corner])
    weights = options.weights / "weights_lv1.h5"
    started = time.perf_counter()
    predict = plain_keras(weights) if way == "plain" else engine(way, weights)
    result: dict = {"load_s": time.perf_counter() - started}
    wall, cpu = [], []
    for _ in range(1 if side else VOLUMES):
        started, busy = time.perf_counter(), time.process_time()
        labels, computed = predict(image)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - busy)
    result |= {"first_s": wall[0], "first_cpu_s": cpu[0], "computed": computed}
    if not side:
        import nibabel as nib

        file = options.data / "reference/AOMIC_lod-brain_labels.nii.gz"
        reference = np.asarray(nib.load(file).dataobj)
        differing = np.count_nonzero(labels != reference)
        result |= {"warm_s": min(wall[1:]), "warm_cpu_s": min(cpu[1:])}
        result["differing"] = differing / np.count_nonzero(reference)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "peak_bytes": peak * 1024}


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

    def predict(image):
        return model.predict(image[None, ..., None], verbose=0)[0].argmax(axis=-1), 1.0

    return predict


def engine(way: str, weights: Path):
    """Start an engine; as `segment` uses it, the fine level only where the brain is."""
    name, _, whole = way.partition("-")
    from lodbrain_cli.inference.engines import start_engine
    from lodbrain_cli.postprocessing import label_volume
    from lodbrain_cli.presets import get_preset

    started = start_engine(
        get_preset("lod-brain").level("fine"), weights, engine=name, device="cpu",
        threads=len(os.sched_getaffinity(0)),
    )  # fmt: skip

    def predict(image):
        prediction = started.predict(image, only_brain=not whole)
        return label_volume(prediction.maps), prediction.computed

    return predict


def commands(options) -> dict:
    rows = {title: run_command(options, *case) for title, case in COMMANDS.items()}
    print(
        "\n| whole command | s | CPU s | peak GB | read | conform | infer | clean | label | else |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for title, row in rows.items():
        steps = [row["steps"].get(name, 0.0) for name in STEPS]
        other = row["seconds"] - sum(steps)
        peak_gb = row["peak_bytes"] / 1e9
        print(
            f"| {title} | {row['seconds']:.1f} | {row['cpu_s']:.1f} | {peak_gb:.2f} "
            f"| {' | '.join(f'{s:.1f}' for s in [*steps, other])} |"
        )
    return rows


def run_command(options, scan: str, more: tuple[str, ...]) -> dict:
    """``lodbrain segment`` from its start to the file on disk, post-processing on; the fastest."""
    found = []
    for _ in range(VOLUMES):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "seg.nii.gz"
            seconds, usage = timed(options, [scan_of(options, scan), "-o", target, *more])
            record = json.loads(target.with_name("seg_run.json").read_text())
        found.append(
            {
                "seconds": seconds,
                **usage,
                "steps": record["seconds"],
                "load_s": record["load_seconds"],
            }
        )
    return min(found, key=lambda row: row["seconds"])


def batch(options) -> dict:
    """Several scans in one process, against the network alone in that very process."""
    with tempfile.TemporaryDirectory() as folder:
        scans = Path(folder) / "scans"
        scans.mkdir()
        for number in range(BATCH):
            name = f"sub-{number}_T1w.nii.gz"
            (scans / name).symlink_to(scan_of(options, "aomic").resolve())
        seconds, usage = timed(options, [scans, "-o", Path(folder) / "out"])
        records = [json.loads(p.read_text()) for p in sorted(Path(folder).glob("out/*_run.json"))]
    infer = sorted(record["seconds"]["infer"] for record in records)
    row = {"seconds": seconds, **usage, "infer_s": infer}
    mean = sum(infer) / BATCH
    print(
        f"\n{BATCH} scans of 1 mm in one process: {seconds / BATCH:.2f} s a scan, start included, "
        f"of which the network {mean:.2f} s (ratio {seconds / BATCH / mean:.2f}), the fastest "
        f"{infer[0]:.2f} s; peak memory {usage['peak_bytes'] / 1e9:.2f} GB."
    )
    return row


def timed(options, arguments: list) -> tuple[float, dict]:
    """Run ``lodbrain segment``; its wall seconds, CPU seconds and peak memory from outside."""
    command = [Path(sys.executable).with_name("lodbrain"), "segment", *arguments]
    command += ["--weights", options.weights, "--device", "cpu", "-q"]
    code = (
        "import json, resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
        "stdout=subprocess.DEVNULL); u = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([u.ru_utime + u.ru_stime, u.ru_maxrss * 1024]))"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *command], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    cpu_s, peak = json.loads(done.stdout)
    return seconds, {"cpu_s": cpu_s, "peak_bytes": peak}


def sizes(options) -> dict:
    """Memory and seconds of the network alone against the volume's size, first volume."""
    rows = {}
    print("\n| side | brain's region: s | peak GB | whole volume: s | peak GB |")
    print("|---|---|---|---|---|")
    for side in (128, 160, 192, 224, 256):
        near = run_child(f"openvino@{side}", "tensorflow", options)
        whole = run_child(f"openvino-whole@{side}", "tensorflow", options)
        rows[side] = {"region": near, "whole": whole}
        print(
            f"| {side} | {near['first_s']:.1f} | {near['peak_bytes'] / 1e9:.2f} "
            f"| {whole['first_s']:.1f} | {whole['peak_bytes'] / 1e9:.2f} |"
        )
    return rows


def multiply_adds(options, computed: float) -> float:
    """Billions of multiply-adds of the composed plan: the last stage where it is computed."""
    from lodbrain_cli.inference.plan import make_plan
    from lodbrain_cli.networks.frozen import frozen_graph
    from lodbrain_cli.presets import get_preset

    network = get_preset("lod-brain").level("fine")
    weights = options.weights / network.weights.name
    plan = make_plan(frozen_graph(network.name, weights, network.weights.layout), "probabilities")
    *others, last = (stage_multiply_adds(stage.graph, stage) for stage in plan.stages)
    return (sum(others) + computed * last) * 256**3 / 1e9


def stage_multiply_adds(graph, stage) -> float:
    """Per voxel of the image."""
    total = 0.0
    for node in graph.nodes.values():
        if node.kernel is not None:
            grid = node.inputs[0] if node.kind == "convolve_up" else node.name
            scale = absolute_scale(graph, stage, grid)
            total += node.kernel.size / scale**3
    return total


def absolute_scale(graph, stage, name: str) -> int:
    """Voxels of the image per voxel of a tensor: what the stage reads may be coarser."""
    node = graph.nodes[name]
    if not node.inputs:
        return stage.source_scales[name]
    scale = absolute_scale(graph, stage, node.inputs[0])
    if node.kind in ("max_pool", "convolve", "fold"):
        return scale * node.factor
    return scale // node.factor if node.kind in ("upsample", "convolve_up") else scale


def matrix_product_gmacs() -> float:
    """Billions of multiply-adds a second of a large float32 matrix product."""
    one, two = (np.random.default_rng(i).normal(size=(4096, 4096)).astype("f4") for i in (0, 1))
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        one @ two
        best = min(best, time.perf_counter() - started)
    return 4096**3 / best / 1e9


def report(rows: dict) -> None:
    print("| network alone | load s | first s | warm s | warm CPU s | of plain Keras | peak GB "
          "| labels that differ |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    plain = next(iter(rows.values())).get("warm_s")
    for title, row in rows.items():
        if "failed" in row:
            print(f"| {title} | failed: {' '.join(row['failed'])} | | | | | | |")
            continue
        ratio = f"1/{plain / row['warm_s']:.1f}" if plain else ""
        print(
            f"| {title} | {row['load_s']:.1f} | {row['first_s']:.1f} | {row['warm_s']:.1f} "
            f"| {row['warm_cpu_s']:.1f} | {ratio} | {row['peak_bytes'] / 1e9:.2f} "
            f"| {row['differing']:.3%} |"
        )


if __name__ == "__main__":
    main()
