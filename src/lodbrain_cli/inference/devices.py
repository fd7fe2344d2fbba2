"""What this process may use: cores, memory; no machine-wide counts."""

import os
import resource
import sys
from pathlib import Path

__all__ = ["allowed_threads", "peak_memory_bytes"]

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")


def allowed_threads() -> int:
    """Threads that this process was given.

    The smallest of: Slurm's ``SLURM_CPUS_PER_TASK``, the CPU affinity, and the
    quota of the container's control group. Never the machine's count, unless
    nothing restricts the process.
    """
    limits = [_affinity()]
    allocated = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if allocated.isdigit() and int(allocated) > 0:
        limits.append(int(allocated))
    quota = _cgroup_quota()
    if quota is not None:
        limits.append(quota)
    return max(1, min(limits))


def peak_memory_bytes() -> int:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cgroup_quota(path: Path = _CGROUP_V2) -> int | None:
    """Whole cores of ``cpu.max`` ("max 100000" or "200000 100000")."""
    try:
        quota, period = path.read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None
