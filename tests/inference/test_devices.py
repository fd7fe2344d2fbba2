"""Threads are those that the process was given."""

import os
import subprocess
import sys

from lodbrain_cli.inference import devices


def test_affinity_slurm_and_container_quota_bound_the_threads(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(12)))
    monkeypatch.setattr(devices, "_cgroup_quota", lambda: None)
    assert devices.allowed_threads() == 12
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "8")
    assert devices.allowed_threads() == 8
    monkeypatch.setattr(devices, "_cgroup_quota", lambda: 3)
    assert devices.allowed_threads() == 3
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "nonsense")
    assert devices.allowed_threads() == 3


def test_a_containers_quota_is_read(tmp_path):
    quota = tmp_path / "cpu.max"
    for text, cores in [("max 100000\n", None), ("250000 100000\n", 2), ("50000 100000\n", 1)]:
        quota.write_text(text)
        assert devices._cgroup_quota(quota) == cores
    assert devices._cgroup_quota(tmp_path / "none") is None


def test_peak_memory_is_in_bytes():
    assert 10**7 < devices.peak_memory_bytes() < 10**12


def test_free_memory_is_the_smaller_of_the_machines_and_the_containers(monkeypatch, tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  16000 kB\nMemAvailable:   9000 kB\n")
    assert devices._machine_free(meminfo) == 9000 * 1024
    assert devices._machine_free(tmp_path / "none") > 2**60
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("4000000\n")
    (tmp_path / "memory.stat").write_text("anon 3000000\ninactive_file 500000\n")
    assert devices._cgroup_free(tmp_path) == 1_500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert devices._cgroup_free(tmp_path) > 2**60
    monkeypatch.setattr(devices, "_machine_free", lambda: 7)
    monkeypatch.setattr(devices, "_cgroup_free", lambda _folder: 5)
    assert devices.free_memory_bytes() == 5


def test_a_jobs_control_group_is_below_the_top(tmp_path):
    own = tmp_path / "cgroup"
    own.write_text("0::/system.slice/slurmstepd.scope/job_7\n")
    assert devices._cgroups(own, tmp_path) == [
        tmp_path,
        tmp_path / "system.slice",
        tmp_path / "system.slice/slurmstepd.scope",
        tmp_path / "system.slice/slurmstepd.scope/job_7",
    ]
    own.write_text("0::/\n")
    assert devices._cgroups(own, tmp_path) == [tmp_path]
    assert devices._cgroups(tmp_path / "none", tmp_path) == [tmp_path]


def test_what_slurm_gave_a_job_is_all_that_it_may_take(monkeypatch):
    for name in ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "resident_bytes", lambda: 2**30)
    assert devices._slurm_free() > 2**60
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "1500")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "2")
    assert devices._slurm_free() == 3000 * 2**20 - 2**30
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "4096")
    assert devices._slurm_free() == 3 * 2**30
    assert devices.free_memory_bytes() <= 3 * 2**30
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "512")
    assert devices._slurm_free() == 0


def test_resident_memory_grows_with_what_is_held_and_falls_when_it_is_returned():
    # In a process of its own: a large one has freed memory to fill first.
    code = """
from lodbrain_cli.inference import devices
before = devices.resident_bytes()
held = [bytearray(100_000) for _ in range(1000)]
full = devices.resident_bytes()
held.clear()
devices.return_free_memory()
print(before, full, devices.resident_bytes())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, full, after = map(int, done.stdout.split())
    assert full > before + 90_000_000
    assert after < before + 50_000_000
