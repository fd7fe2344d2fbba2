"""A Slurm of one node in a folder of its own.

``python -m tests.cluster.one_node COMMAND ...`` runs a command beside one, whose programs find it.
"""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
# Debian puts daemons where a person's PATH does not look.
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
START_SECONDS = 30


class Slurm:
    """A running Slurm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self._daemons: list[subprocess.Popen] = []

    @property
    def environment(self) -> dict[str, str]:
        """In which Slurm's programs find it."""
        return {**os.environ, "SLURM_CONF": str(self.conf), "PATH": SEARCHED}

    def start(self) -> None:
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir()
        key = self.folder / "munge/key"
        key.write_bytes(secrets.token_bytes(256))
        key.chmod(0o400)
        self.folder.chmod(0o755)  # munge looks at every folder on the way
        self.conf.write_text(self._settings())
        munge = self.folder / "munge"
        self._daemon(
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={munge / 'socket'}", f"--pid-file={munge / 'pid'}",
            f"--log-file={munge / 'log'}", f"--seed-file={munge / 'seed'}",
        )  # fmt: skip
        self._daemon("slurmctld", "-D", "-c")
        self._daemon("slurmd", "-D", "-N", socket.gethostname().split(".")[0])
        deadline = time.monotonic() + START_SECONDS
        while "idle" not in self.ask("sinfo", "-h", "-o", "%T"):
            if time.monotonic() > deadline or any(d.poll() is not None for d in self._daemons):
                raise RuntimeError(self._last_words())
            time.sleep(0.3)

    def stop(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
            daemon.kill()
            daemon.wait()

    def ask(self, *words: object, check: bool = False) -> str:
        done = subprocess.run(
            [str(word) for word in words], capture_output=True, text=True, timeout=60,
            env=self.environment,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def wait(self, *jobs: str, seconds: float = 150) -> None:
        """Until no task of these jobs is waiting or running."""
        deadline = time.monotonic() + seconds
        while self.ask("squeue", "-h", "-j", ",".join(jobs)).strip():
            assert time.monotonic() < deadline, self.ask("squeue", "-l")
            time.sleep(0.3)

    def _daemon(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("wb") as log:
            self._daemons.append(
                subprocess.Popen(
                    [program, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                )
            )

    def _settings(self) -> str:
        host, user = socket.gethostname().split(".")[0], getpass.getuser()
        cores = len(os.sched_getaffinity(0))
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 8 // 10
        settings = {
            "ClusterName": "tests",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmctldPort": free_port(),
            "SlurmdPort": free_port(),
            "SlurmUser": user,
            "SlurmdUser": user,
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self.folder / 'munge/socket'}",
            "CryptoType": "crypto/munge",
            "StateSaveLocation": self.folder / "state",
            "SlurmdSpoolDir": self.folder / "spool",
            "SlurmctldPidFile": self.folder / "slurmctld.pid",
            "SlurmdPidFile": self.folder / "slurmd.pid",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core_Memory",
            # Memory is watched every second, and who takes too much is killed.
            "JobAcctGatherType": "jobacct_gather/linux",
            "JobAcctGatherFrequency": 1,
            "JobAcctGatherParams": "OverMemoryKill",
            "PropagateResourceLimits": "NONE",
            "KillWait": 10,
            "MinJobAge": 3600,
            "SchedulerParameters": "sched_interval=1,bf_interval=1",
            "NodeName": f"{host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb}",
            "PartitionName": f"tests Nodes={host} Default=YES MaxTime=INFINITE State=UP",
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _last_words(self) -> str:
        logs = [self.folder / f"{name}.log" for name in ("munged", "slurmctld", "slurmd")]
        return "; ".join(f"{log.stem}: {log.read_text()[-300:]!r}" for log in logs if log.exists())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCHED) is None]


def main(command: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        slurm = Slurm(Path(folder))
        try:
            slurm.start()
            return subprocess.run(command, env=slurm.environment).returncode
        finally:
            slurm.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
