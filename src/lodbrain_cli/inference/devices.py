"""What this process may use: cores, memory; no machine-wide counts."""

import ctypes
import os
import resource
import sys
from pathlib import Path

__all__ = [
    "allowed_threads",
    "free_memory_bytes",
    "peak_memory_bytes",
    "resident_bytes",
    "return_free_memory",
]

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_MEMORY = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_MEMINFO = Path("/proc/meminfo")
_UNKNOWN_BYTES = 2**62


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


def resident_bytes() -> int:
    """Resident memory of this process now; where the system does not say, its largest so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return peak_memory_bytes()
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_memory_bytes() -> int:
    """Memory that this process may still take: of the machine, its control groups, its Slurm job.

    A very large number where the system does not say.
    """
    return min(_machine_free(), _slurm_free(), *map(_cgroup_free, _cgroups()))


def return_free_memory() -> None:
    """Hand memory that was freed back to the system, where the C library holds on to it.

    glibc keeps what many small and middling allocations leave behind, which for
    a network's layers comes to hundreds of megabytes.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)


def _machine_free(path: Path = _MEMINFO) -> int:
    try:
        lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return _UNKNOWN_BYTES


def _slurm_free() -> int:
    """Room in what Slurm gave the job on this node, which it need not enforce by control groups."""
    per_node = os.environ.get("SLURM_MEM_PER_NODE", "")  # in MiB; 0: all of the node
    per_core = os.environ.get("SLURM_MEM_PER_CPU", "")
    cores = os.environ.get("SLURM_CPUS_ON_NODE", "")
    given = int(per_node) if per_node.isdigit() else 0
    if not given and per_core.isdigit() and cores.isdigit():
        given = int(per_core) * int(cores)
    return max(0, given * 2**20 - resident_bytes()) if given else _UNKNOWN_BYTES


def _cgroups(own: Path = _OWN_CGROUP, top: Path = _CGROUP_MEMORY) -> list[Path]:
    """Folders of the control groups that this process is in, the innermost last.

    In a container its own group is the top; on a cluster's node a job's is below it.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return [top]
    below = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    parts = [part for part in below.split("/") if part not in ("", "..")]
    return [top.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]


def _cgroup_free(folder: Path = _CGROUP_MEMORY) -> int:
    """Room below ``memory.max``; files in the page cache count as room."""
    try:
        limit = int((folder / "memory.max").read_text())  # "max": no limit
        used = int((folder / "memory.current").read_text())
        lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cached = {name: int(value) for name, value in lines}["inactive_file"]
    except (OSError, ValueError, KeyError):
        return _UNKNOWN_BYTES
    return max(0, limit - used + cached)


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
