"""Threads are those that the process was given."""

import os

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
