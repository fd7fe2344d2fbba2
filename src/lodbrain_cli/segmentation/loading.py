"""A network of a preset, with its weights found and its engine started."""

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, WeightsError
from ..imaging.normalisation import Normalisation, read_statistics
from ..inference.devices import allowed_threads
from ..inference.engines import start_engine, start_sampling
from ..inference.located import LocatedEngine
from ..inference.windows import WindowedEngine
from ..presets import Preset, TrainedNetwork, find_preset
from ..weights import FoundWeights, expected_sha256, obtain

if TYPE_CHECKING:
    from ..inference.engine import Engine

__all__ = ["LoadedNetwork", "expected_hashes", "load_network"]


@dataclass(frozen=True)
class LoadedNetwork:
    """A network of a preset, ready to run.

    Parameters
    ----------
    preset : Preset
    level : str
        Level of detail.
    network : TrainedNetwork
        Of that level.
    engine : Engine, LocatedEngine or WindowedEngine
    weights : FoundWeights
    finder_weights : FoundWeights or None
        Of the network that finds the brain, where there is one.
    sampling_seed : int or None
        Of the dropout that was left on, where it was.
    seconds : float
        That loading took.
    normalisation : Normalisation
        Of a scan's intensities, as the network was trained on them.
    """

    preset: Preset
    level: str
    network: TrainedNetwork
    engine: "Engine | LocatedEngine | WindowedEngine"
    weights: FoundWeights
    finder_weights: FoundWeights | None = None
    sampling_seed: int | None = None
    seconds: float = 0.0
    normalisation: Normalisation = field(default_factory=Normalisation)

    def hashes(self) -> tuple[str, str | None]:
        """SHA-256 of the weights, and of those that find the brain, where there are such."""
        finder = self.finder_weights
        return self.weights.sha256, finder.sha256 if finder is not None else None

    def facts(self) -> dict[str, Any]:
        """Give what the record says of the network and where it ran."""
        return {
            "preset": self.preset.name,
            "level": self.level,
            "architecture": self.network.config.architecture,
            "weights": _of(self.weights),
            "finder_weights": _of(self.finder_weights) if self.finder_weights else None,
            "normalisation": self.preset.normalisation,
            "statistics": _volumes(self.preset),
            "engine": self.engine.name,
            "sampling_seed": self.sampling_seed,
            "device": self.engine.device,
            "threads": self.engine.threads,
            "load_seconds": round(self.seconds, 3),
        }

    def warnings(self) -> list[str]:
        """Say what a user should know of the weights."""
        if self.weights.released:
            return []
        return [f"{self.weights.path.name} are not the released weights of {self.preset.name!r}"]


def load_network(
    preset: str,
    level: str,
    weights: Path | None = None,
    *,
    device: str = "auto",
    engine: str = "auto",
    threads: int | None = None,
    precision: str = "float32",
    sampling_seed: int | None = None,
    offline: bool | None = None,
    progress: bool = False,
) -> LoadedNetwork:
    """Find weights, or fetch them, and start an engine.

    Parameters
    ----------
    preset, level : str
    weights : Path, optional
        File of the network itself, or a folder with all files of the preset.
    device, engine, threads, precision
        See :func:`lodbrain_cli.inference.engines.start_engine`.
    sampling_seed : int, optional
        Leave dropout on: see :func:`lodbrain_cli.inference.engines.start_sampling`.
        `engine` and `precision` then count for the network that finds the brain alone.
    offline, progress
        See :func:`lodbrain_cli.weights.obtain`.

    Raises
    ------
    UsageError, WeightsError, ResourceError
        As those do.
    """
    chosen = find_preset(preset)
    network = chosen.level(level)
    find = partial(obtain, chosen, offline=offline, progress=progress)
    start = partial(
        start_engine, engine=engine, device=device, threads=threads or allowed_threads(),
        precision=precision,
    )  # fmt: skip
    began = time.perf_counter()
    normalisation = _normalisation(chosen)
    found = find(weights, file=network.weights)
    if sampling_seed is None:
        inner = start(network, found.path)
    else:
        inner = start_sampling(
            network, found.path, device=device, threads=threads or allowed_threads(),
            seed=sampling_seed,
        )  # fmt: skip
    runs: Engine | LocatedEngine | WindowedEngine = inner
    of_finder = None
    if network.windows is not None:
        runs = WindowedEngine(inner, network.config.heads, network.windows)
    if network.finder is not None:
        beside = weights if weights is not None and weights.is_dir() else None
        owner = chosen.finder or chosen
        of_finder = obtain(
            owner, beside, file=network.finder.weights, offline=offline, progress=progress
        )
        finder = start(network.finder, of_finder.path)
        runs = LocatedEngine(
            inner, network.config.heads, finder, network.finder.pool, chosen.covers_brain
        )
    seconds = time.perf_counter() - began
    return LoadedNetwork(
        chosen, level, network, runs, found, of_finder, sampling_seed, seconds, normalisation
    )  # fmt: skip


def expected_hashes(preset: str, level: str, weights: Path | None) -> tuple[str, str | None]:
    """Hashes that a network's weights would have, without loading or fetching them.

    Parameters
    ----------
    preset, level, weights
        As for :func:`load_network`.

    Returns
    -------
    tuple of (str, str or None)
        As of :meth:`LoadedNetwork.hashes`.

    Raises
    ------
    UsageError, WeightsError
        Unknown preset or level; no such file.
    """
    network = find_preset(preset).level(level)
    own = expected_sha256(network.weights, weights)
    return own, network.finder.weights.sha256 if network.finder is not None else None


def _normalisation(preset: Preset) -> Normalisation:
    """Read what a preset's images are normalised by, which is as much its own as its weights."""
    if preset.statistics is None:
        return Normalisation()
    assert preset.folder is not None  # only the model file of a folder names statistics
    try:
        return Normalisation(read_statistics(preset.folder, preset.statistics))
    except InputError as error:
        msg = f"the statistics of model {preset.name!r}: {error}"
        raise WeightsError(msg) from error


def _volumes(preset: Preset) -> dict[str, str] | None:
    """SHA-256 of the volumes that images are normalised by, where there are such."""
    files = preset.statistics
    return {"mean": files.mean.sha256, "std": files.std.sha256} if files is not None else None


def _of(weights: FoundWeights) -> dict[str, Any]:
    return {
        "file": weights.path.name,
        "sha256": weights.sha256,
        "origin": weights.origin,
        "released": weights.released,
    }
