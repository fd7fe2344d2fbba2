"""Peak memory and time of one scan under limits: what ``--memory`` promises.

``python benchmarks/memory.py T1w.nii.gz [--preset NAME ...] [--limit SIZE ...]``

Each row is a process of its own, ``lodbrain segment --memory SIZE``; the peak is that of the
system's account of it. Labels are compared with those of the first limit that was kept from the
end of the list, so the last limit should be the largest.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

LIMITS = ("500M", "600M", "700M", "1G", "1.5G", "2G", "4G")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--preset", action="append")
    parser.add_argument("--limit", action="append")
    options = parser.parse_args()
    print("| preset | limit | peak, MiB | s | voxels that differ |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for preset in options.preset or ("lod-brain", "lod-brain-synth"):
            reference = None
            for limit in reversed(options.limit or LIMITS):
                output = Path(folder) / f"{preset}_{limit}.nii.gz"
                began = time.perf_counter()
                peak, message = segmented(options.scan, output, preset, limit)
                seconds = time.perf_counter() - began
                start = f"| {preset} | {limit} |"
                if message:
                    print(f"{start} refused | {seconds:.1f} | {message} |", flush=True)
                    continue
                labels = np.asarray(nib.load(output).dataobj)
                reference = labels if reference is None else reference
                differ = int(np.count_nonzero(labels != reference))
                print(f"{start} {peak:.0f} | {seconds:.1f} | {differ} |", flush=True)


def segmented(scan: Path, output: Path, preset: str, limit: str) -> tuple[float, str]:
    """Peak of a run in MiB, or why it was refused."""
    command = [
        sys.executable, "-c", CHILD, "segment", str(scan), "-o", str(output), "--preset", preset,
        "--memory", limit, "-q",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 5:
        return 0.0, done.stderr.splitlines()[0].split(": ")[-1]
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stderr.strip().splitlines()[-1]) / 1024, ""


# Says its own peak, in KiB, when the command has ended.
CHILD = """
import atexit, resource, sys
atexit.register(lambda: print(
    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr))
from lodbrain_cli.cli.main import main
main()
"""

if __name__ == "__main__":
    main()
