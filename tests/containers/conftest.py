"""Podman and Apptainer, and the images of lodbrain built with them once, without a network.

Programs are looked for on the PATH, then in LODBRAIN_TEST_TOOLS, which may hold scripts that stand
them up. What takes long to make (a base image, layers) is kept in LODBRAIN_TEST_CONTAINERS.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("LODBRAIN_TEST_TOOLS", ROOT.parent / "shared" / "tools")) / "containers"
# A folder of our own by its name, for it is cleared in parts: never one that somebody chose.
KEPT = (
    Path(os.environ.get("LODBRAIN_TEST_CONTAINERS", tempfile.gettempdir()))
    / "lodbrain-test-containers"
)
# Debian puts daemons and tools where a person's PATH does not look.
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
PUBLISHED = "python:3.12.11-slim-bookworm"
BASE, IMAGE = "localhost/lodbrain-test-base", "localhost/lodbrain-test"
#: A user that no machine knows, as clusters give to containers.
SOMEBODY = "4321:4321"
SECONDS = 600


class Containers:
    """Programs in the environment that they need."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def run(self, *words: object, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess:
        """Run a program in a folder; `more` is added to its environment."""
        return subprocess.run(
            [str(word) for word in words], capture_output=True, text=True, timeout=SECONDS,
            env={**self.environment, **more}, cwd=cwd, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def made(self, *words: object, **more: str) -> str:
        """Run a program that must do; else the tests that need it are skipped."""
        try:
            done = self.run(*words, **more)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"{words[0]}: {error}")
        if done.returncode:
            pytest.skip(f"{' '.join(map(str, words[:3]))}: {(done.stderr or done.stdout)[-400:]!r}")
        return done.stdout.strip()


@pytest.fixture(scope="session")
def containers():
    if shutil.which("podman", path=SEARCHED) is None:
        pytest.skip("no Podman here")
    KEPT.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PATH": SEARCHED, "CONTAINERS_HOME": str(KEPT)}
    if (TOOLS / "env.sh").is_file():
        told = subprocess.run(
            ["bash", "-c", 'source "$1" && env -0', "bash", str(TOOLS / "env.sh")],
            capture_output=True, text=True, check=True, env=environment,
        ).stdout  # fmt: skip
        environment = dict(pair.split("=", 1) for pair in told.split("\0") if pair)
    return Containers(environment)


@pytest.fixture(scope="session")
def base(containers):
    """Name of an image with Python: made of Debian's packages here, or the published one."""
    if containers.run("podman", "image", "exists", BASE).returncode:
        if (TOOLS / "make-base.sh").is_file():
            archive = KEPT / "base.tar"
            if not archive.is_file():
                containers.made("bash", TOOLS / "make-base.sh", KEPT / "base-part.tar")
                (KEPT / "base-part.tar").rename(archive)
            containers.made("podman", "import", "--quiet", archive, BASE)
        else:
            containers.made("podman", "pull", "--quiet", PUBLISHED)
            containers.made("podman", "tag", PUBLISHED, BASE)
    return BASE


@pytest.fixture(scope="session")
def wheels(containers, base):
    """Folder with all wheels that an image needs, in the versions that this machine has."""
    version = containers.made(
        "podman", "run", "--rm", base, "python3", "-c",
        "import sys; print('%d.%d' % sys.version_info[:2])",
    )  # fmt: skip
    if version != "{}.{}".format(*sys.version_info[:2]):
        pytest.skip(f"the image has Python {version}: labels need not be the same to the byte")
    folder = KEPT / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    script = ROOT / "containers/requirements.py"
    listed = containers.made(sys.executable, script, ROOT / "pyproject.toml", "cpu")
    (folder / "requirements.txt").write_text(f"{listed}\nhatchling\n")
    known = {d.metadata["Name"]: d.version for d in metadata.distributions()}
    pinned = [f"{name}=={v}" for name, v in known.items() if name not in ("lodbrain", "pip")]
    (folder / "constraints.txt").write_text("\n".join(pinned))
    containers.made(
        sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "-d", folder,
        "-r", folder / "requirements.txt", "-c", folder / "constraints.txt",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def given_weights():
    """Copy of the released weights for the images; empty where they are not here."""
    found = os.environ.get("LODBRAIN_TEST_WEIGHTS", str(ROOT.parent / "shared/weights"))
    folder = KEPT / "weights"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in sorted(Path(found, "lod-brain").glob("*.h5")):
        shutil.copyfile(path, folder / path.name)
    return folder


@pytest.fixture(scope="session")
def image(containers, base, wheels, given_weights):
    """Name of the image for CPUs."""
    done = containers.run(
        "podman", "build", "--network=none", "--tag", IMAGE, "--build-arg", f"BASE_IMAGE={base}",
        "--build-arg", "FETCH_WEIGHTS=0", "--build-arg", "REVISION=tested",
        "--build-context", f"wheels={wheels}", "--build-context", f"weights={given_weights}", ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return IMAGE


@pytest.fixture(scope="session")
def apptainer(containers):
    """Run Apptainer, as nobody in particular where the machine's stand-in can."""
    program = shutil.which("apptainer", path=containers.environment["PATH"])
    if program is None:
        pytest.skip("no Apptainer here")
    if Path(program).is_relative_to(TOOLS) and not (KEPT / "apptainer-root/.fuse").exists():
        shutil.rmtree(KEPT / "apptainer-root", ignore_errors=True)
        containers.made("bash", TOOLS / "make-apptainer.sh")
    containers.environment["APPT_BIND"] = f"{ROOT}:{KEPT}"
    containers.made(program, "--version")
    return program


@pytest.fixture(scope="session")
def sif(containers, apptainer, base, wheels, given_weights):
    """Path of the Apptainer image for CPUs."""
    archive, path = KEPT / "base-image.tar", KEPT / "lodbrain.sif"
    archive.unlink(missing_ok=True)
    containers.made("podman", "save", "--quiet", "-o", archive, base)
    done = containers.run(
        apptainer, "build", "--force", "--bind", f"{wheels}:/wheels:ro",
        "--bind", f"{given_weights}:/given:ro", "--build-arg", "BOOTSTRAP=docker-archive",
        "--build-arg", f"BASE_IMAGE={archive}", "--build-arg", "FETCH_WEIGHTS=0",
        "--mksquashfs-args", "-Xcompression-level 1", path, "singularity.def",
    )  # fmt: skip
    archive.unlink()
    assert done.returncode == 0, done.stderr[-2000:]
    return path


@pytest.fixture
def folder():
    """A folder that anybody may write to, seen by all programs."""
    with tempfile.TemporaryDirectory(prefix="lodbrain-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)
