"""Measure the images: how large, how long to build, how long until the program answers.

``python benchmarks/images.py --base IMAGE --wheels DIR --weights DIR``: builds without a network,
with Podman and, where it is, Apptainer, in the versions of the wheels in DIR. `IMAGE` holds Python;
without --wheels packages come from the index that pip knows, without --weights none are put in.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STARTS = 5
NAME = "localhost/lodbrain-measured"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--variants", nargs="+", default=["cpu", "keras"])
    parser.add_argument("--temporary", type=Path, help="folder for the image that Apptainer reads")
    options = parser.parse_args()
    print("| image | MB | of it the base | build, s | `--version`, s |\n|---|---|---|---|---|")
    base = size_of(options.base)
    for variant in options.variants:
        seconds = build(variant, options)
        start = median_start("podman", "run", "--rm", f"{NAME}:{variant}", "--version")
        size = size_of(f"{NAME}:{variant}")
        print(f"| Podman, {variant} | {size:.0f} | {base:.0f} | {seconds:.0f} | {start:.2f} |")
    if shutil.which("apptainer"):
        with tempfile.TemporaryDirectory(dir=options.temporary) as folder:
            measure_sif(Path(folder), options)
    host = median_start(sys.executable, "-P", "-m", "lodbrain_cli", "--version")
    print(f"\nThe program itself, without a container: {host:.2f} s (medians of {STARTS}).")


def build(variant: str, options: argparse.Namespace) -> float:
    words = [
        "podman", "build", "--no-cache", "--tag", f"{NAME}:{variant}",
        "--build-arg", f"BASE_IMAGE={options.base}", "--build-arg", f"VARIANT={variant}",
        "--build-arg", "FETCH_WEIGHTS=0",
    ]  # fmt: skip
    for name in ("wheels", "weights"):
        if getattr(options, name):
            words += ["--build-context", f"{name}={getattr(options, name).resolve()}"]
    if options.wheels:
        words += ["--network=none"]
    return timed(*words, str(ROOT))


def measure_sif(folder: Path, options: argparse.Namespace) -> None:
    archive, sif = folder / "base.tar", folder / "lodbrain.sif"
    timed("podman", "save", "--quiet", "-o", str(archive), options.base)
    binds = [("wheels", "/wheels"), ("weights", "/given")]
    mounts = [
        f"{getattr(options, name).resolve()}:{place}:ro"
        for name, place in binds
        if getattr(options, name)
    ]
    seconds = timed(
        "apptainer", "build", *(w for mount in mounts for w in ("--bind", mount)),
        "--build-arg", "BOOTSTRAP=docker-archive", "--build-arg", f"BASE_IMAGE={archive}",
        "--build-arg", "FETCH_WEIGHTS=0", str(sif), "singularity.def",
    )  # fmt: skip
    start = median_start("apptainer", "run", str(sif), "--version")
    size = sif.stat().st_size / 1e6
    print(f"| Apptainer, cpu | {size:.0f} | | {seconds:.0f} | {start:.2f} |")


def size_of(image: str) -> float:
    """MB of an image with its base, unpacked."""
    told = subprocess.run(
        ["podman", "image", "inspect", image], capture_output=True, text=True, check=True
    ).stdout
    return json.loads(told)[0]["Size"] / 1e6


def median_start(*words: str) -> float:
    return statistics.median(timed(*words) for _ in range(STARTS))


def timed(*words: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr[-2000:]}")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
