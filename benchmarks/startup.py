"""Time how fast the commands that only tell start: median wall seconds of 5.

``python benchmarks/startup.py``
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 5
COMMANDS = (["--help"], ["--version"], ["labels"], ["weights", "list"], ["info"])


def main() -> None:
    program = Path(sys.executable).with_name("lodbrain")
    print("| command | median s | slowest s |")
    print("|---|---|---|")
    for command in COMMANDS:
        seconds = []
        for _ in range(RUNS + 1):
            started = time.perf_counter()
            subprocess.run([program, *command], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
        counted = seconds[1:]  # the first fills the disk cache
        print(
            f"| `lodbrain {' '.join(command)}` | {statistics.median(counted):.2f} "
            f"| {max(counted):.2f} |"
        )


if __name__ == "__main__":
    main()
