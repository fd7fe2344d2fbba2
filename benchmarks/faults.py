"""Harm done on purpose to ``lodbrain run``, and what was left of the results.

``python benchmarks/faults.py SCAN [--kills 50] [--seed 0] [--only NAME...] > table.md``

SCAN is a T1w head. Prints the table of docs/reliability.md: every fault is really made (processes
are killed, disks are full, clocks turned), then the same command runs again without it. Needs root
for disks of its own; ``faketime`` for clocks, whose row says so where it is missing.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

SCANS = 12
NETWORK = ("--preset", "lod-brain-synth", "--level", "coarse", "--offline")
LABELS = "_seg-lodbrain_dseg.nii.gz"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
#: Another user without a name, who may not do what permissions forbid.
NOBODY = ("unshare", "--user", "--map-user=12345", "--map-group=12345")
DAY = 86400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=[make.__name__ for *_, make in FAULTS])
    options = parser.parse_args()
    random.seed(options.seed)
    with tempfile.TemporaryDirectory() as name:
        place = Place.made(Path(name), options.scan, options.kills)
        print("| fault | how it was made | what happened | after the same command again |")
        print("|---|---|---|---|")
        for title, how, make in FAULTS:
            if options.only is None or make.__name__ in options.only:
                happened = make(place.fresh())
                print(f"| {title} | {how} | {happened} | {place.again()} |", flush=True)


@dataclass
class Ended:
    """How a command ended."""

    code: int
    told: list[str]

    def __str__(self) -> str:
        errors = [line for line in self.told if line.startswith("error:")]
        reasons = [re.sub(r"/\S*/", "", line.removeprefix("error: ")) for line in errors]
        said = reasons[-1].replace("|", "/") if reasons else ""
        more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
        return f"exit code {self.code}" + (f" (`{said}`{more})" if said else "")


@dataclass
class Place:
    """Scans, and results that are right; each fault has a new folder for its own."""

    folder: Path
    kills: int
    truth: dict[str, bytes]
    number: int = 0

    @classmethod
    def made(cls, folder: Path, scan: Path, kills: int) -> "Place":
        """Make scans of one head, and the results that are right."""
        scans = folder / "scans"
        scans.mkdir()
        image = nib.load(scan)
        coarse = np.asanyarray(image.dataobj)[::2, ::2, ::2]
        affine = image.affine @ np.diag([2, 2, 2, 1])
        for number in range(SCANS):
            brighter = (coarse * (1 + 0.02 * number)).astype(np.float32)
            nib.save(nib.Nifti1Image(brighter, affine), scans / f"sub-{number:02d}_T1w.nii.gz")
        place = cls(folder, kills, {})
        place.fresh()
        assert place.run().code == 0
        place.truth = {p.name: p.read_bytes() for p in place.out.glob(f"*{LABELS}")}
        assert len(place.truth) == SCANS
        return place

    @property
    def out(self) -> Path:
        """Folder for results."""
        return self.folder / f"out{self.number}"

    @property
    def plan(self) -> Path:
        """The work list."""
        return self.folder / f"plan{self.number}.tsv"

    def fresh(self) -> "Place":
        """Go on to an empty folder for results, with a plan."""
        self.number += 1
        self.out.mkdir()
        self.make_plan()
        return self

    def make_plan(self) -> None:
        """Write the plan."""
        command("plan", self.folder / "scans", self.out, "-o", self.plan, "--overwrite",
                "--no-quality", *NETWORK[:-1])  # fmt: skip

    def run(self, *around: object, **changes: str | None) -> Ended:
        """Work through the plan, perhaps through another program or in another environment."""
        return command("run", self.plan, "--device", "cpu", *NETWORK[-1:], around=around,
                       **changes)  # fmt: skip

    def begin(self, *options: object, **changes: str) -> subprocess.Popen[str]:
        """Begin to work through the plan, and do not wait."""
        words = (*lodbrain("run", self.plan, "--device", "cpu", "--offline"), *map(str, options))
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, **changes})  # fmt: skip

    def done(self) -> int:
        """Count scans that are done."""
        return len(list(self.out.glob(f"*{LABELS.replace('.nii.gz', '_run.json')}")))

    def wrong(self) -> int:
        """Count label images that are not, to the byte, those of a run without a fault."""
        return sum(
            path.read_bytes() != self.truth.get(path.name) for path in self.out.glob(f"*{LABELS}")
        )

    def left_behind(self) -> int:
        """Count temporary files and claims."""
        return sum(path.name.startswith(".lodbrain") for path in self.out.rglob(".*"))

    def state(self) -> str:
        """Say how far the scans are."""
        return f"{self.done()} of {SCANS} done, {self.wrong()} wrong label images"

    def again(self) -> str:
        """Run once more without a fault, and say what came of it."""
        ended = self.run()
        return f"{self.state()}, {self.left_behind()} files left behind, exit code {ended.code}"


def lodbrain(*words: object) -> tuple[str, ...]:
    return (sys.executable, "-m", "lodbrain_cli", *(str(word) for word in words))


def command(*words: object, around: tuple[object, ...] = (), **changes: str | None) -> Ended:
    environment = {**os.environ, **{k: v for k, v in changes.items() if v is not None}}
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    done = subprocess.run(
        [*(str(word) for word in around), *lodbrain(*words)],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return Ended(done.returncode, done.stderr.splitlines())


@contextmanager
def disk(folder: Path, options: str) -> Iterator[None]:
    """Mount a disk of its own on a folder; what it holds at the end is kept."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    kept = folder.with_name("kept")
    try:
        yield
        subprocess.run(["mount", "-o", "remount,rw,size=1g", folder], check=True)
        shutil.copytree(folder, kept)
    finally:
        subprocess.run(["umount", folder], check=True)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    shutil.rmtree(kept)


def killed(place: Place) -> str:
    wrong = broken = 0
    for _ in range(place.kills):
        if place.done() == SCANS:
            place.fresh()
        process = place.begin()
        time.sleep(random.uniform(0.2, 8))
        process.kill()
        process.communicate()
        wrong += place.wrong()
        records = place.out.glob("*_run.json")
        broken += sum(not path.with_name(path.name.replace("_run.json", ".nii.gz")).is_file()
                      for path in records)  # fmt: skip
    return (
        f"{place.kills} kills: {wrong} wrong label images, {broken} records without one; after "
        f"the last, {place.state()}"
    )


def terminated(place: Place) -> str:
    process = place.begin()
    while place.done() < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    return f"exit code {process.returncode}; {place.state()}"


def twice(place: Place) -> str:
    processes = [place.begin("-v") for _ in range(3)]
    told = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    counts = [int(line.split()[0]) for out in told for line in out.splitlines()
              if " done, " in line and line[0].isdigit()]  # fmt: skip
    assert len(counts) == len(processes), told
    return f"exit codes {codes}; each did {counts}, together {sum(counts)}; {place.state()}"


def full(place: Place) -> str:
    with disk(place.out, "size=160k"):
        return f"{place.run()}; {place.state()}"


def read_only(place: Place) -> str:
    with disk(place.out, "size=1m,ro"):
        return f"{place.run()}; {place.state()}"


def vanished(place: Place) -> str:
    process = place.begin()
    while place.done() < 2:
        time.sleep(0.05)
    for _ in range(20):  # it is being written to
        shutil.rmtree(place.out, ignore_errors=True)
    process.communicate()
    place.out.mkdir(exist_ok=True)
    return f"exit code {process.returncode}; {place.state()}"


def unreadable(place: Place) -> str:
    scans = sorted((place.folder / "scans").iterdir())[:4]
    kept = [scan.read_bytes() for scan in scans]
    scans[0].chmod(0)
    scans[1].write_bytes(kept[1][:1000])
    for scan, make in zip(scans[2:], (os.mkdir, os.mkfifo), strict=True):
        scan.unlink()
        make(scan)
    ended = place.run(*NOBODY)
    text = f"{ended}; {place.state()}"
    scans[2].rmdir()
    scans[3].unlink()
    scans[0].chmod(0o644)
    for scan, whole in zip(scans, kept, strict=True):
        scan.write_bytes(whole)
    return text


def cache(place: Place) -> str:
    home = place.folder / "home"
    home.mkdir()
    with disk(home, "size=1m,ro"):
        names = ("HOME", "XDG_CACHE_HOME", "LODBRAIN_CACHE", "TMPDIR")
        ended = place.run(**dict.fromkeys(names, str(home)))
    return f"{ended}; {place.state()}"


def wrong_user(place: Place) -> str:
    ended = place.run(*NOBODY, HOME=None, USER=None, LOGNAME=None)
    first = f"own folder: {ended}; {place.state()}"
    place.fresh().out.chmod(0o555)
    refused = place.run(*NOBODY, HOME=None)
    place.out.chmod(0o755)
    return f"{first}. Another's: {refused}; {place.state()}"


def no_home(place: Place) -> str:
    ended = place.run(HOME=None)
    text = f"unset: {ended}; {place.state()}"
    missing = place.fresh().run(HOME="/nonexistent")
    return f"{text}. Missing: {missing}; {place.state()}"


def clock(place: Place) -> str:
    if not FAKETIME.exists():
        return "not tried: faketime is not installed"
    shift = place.folder / "shift"
    shift.write_text("+0")
    changes = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(shift),
               "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
    processes = [place.begin(**changes), place.begin()]
    for count, seconds in ((2, -DAY), (5, 2 * DAY)):
        while place.done() < count and processes[0].poll() is None:
            time.sleep(0.05)
        shift.write_text(f"{seconds:+d}")
    for process in processes:
        process.communicate()
    return f"exit codes {[p.returncode for p in processes]}; {place.state()}"


def changed(place: Place) -> str:
    place.run()
    touched, replaced = sorted((place.folder / "scans").iterdir())[:2]
    later = time.time() + DAY
    os.utime(touched, (later, later))
    kept = replaced.read_bytes()
    shutil.copy(touched, replaced)
    ended = place.run()
    text = f"{ended}; {place.wrong()} label image of the replaced scan is new"
    replaced.write_bytes(kept)
    return text


def memory(place: Place) -> str:
    ended = place.run("prlimit", "--as=1200000000")
    return f"{ended}; {place.state()}"


#: Name in the table, how it is made, and what makes it.
FAULTS: tuple[tuple[str, str, Callable[[Place], str]], ...] = (
    ("kill -9", "at random moments of a run, one after the other on one folder", killed),
    ("SIGTERM", "as schedulers send it, after the second result", terminated),
    ("Twice at once", "three processes on one plan", twice),
    ("Full disk", "results go to a disk of 160 kB", full),
    ("Read-only results", "the disk with the results' folder", read_only),
    ("Results' folder removed", "after the second result, while the run goes on", vanished),
    (
        "Unreadable scans",
        "one without permission, one cut off, one a folder, one a pipe",
        unreadable,
    ),
    ("Unwritable cache", "HOME and every folder for caches on a read-only disk", cache),
    ("Wrong user", "a number without a name or HOME; results belong to another", wrong_user),
    ("No HOME", "the variable unset, then a folder that is not there", no_home),
    ("Clock", "a day back, then two days on, while two processes share the plan", clock),
    (
        "Scans of another time",
        "one touched, from the future, one replaced, after all were done",
        changed,
    ),
    ("Too little memory", "1.2 GB of address space for the process", memory),
)


if __name__ == "__main__":
    main()
