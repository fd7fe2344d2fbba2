"""What a preset is: a trained network that can be asked for by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import UsageError
from ..labels import LabelSet
from .lod_brain import LodBrainConfig
from .network import NetworkConfig
from .statistics import StatisticsFiles

__all__ = ["LEVELS", "Preset", "TrainedNetwork", "WeightsFile", "Windows"]

#: Levels of detail that can be asked for: the whole network, or its coarse stage alone.
LEVELS = ("fine", "coarse")


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights and where it may be fetched.

    Parameters
    ----------
    name : str
        File name in every weights folder.
    sha256 : str
        64 hexadecimal digits.
    num_bytes : int
        Size in bytes.
    urls : tuple of str
        Addresses to try, in order; none for a file of the package.
    layout : {"lodbrain", "lod-brain-release", "nobrainer-unet"}
        How tensors are named inside the file.
    """

    name: str
    sha256: str
    num_bytes: int
    urls: tuple[str, ...]
    layout: Literal["lodbrain", "lod-brain-release", "nobrainer-unet"]


@dataclass(frozen=True)
class Windows:
    """Parts of a volume that a network sees one after the other.

    Parameters
    ----------
    shape, stride : tuple of 3 int
        Voxels of the network's input.
    """

    shape: tuple[int, int, int]
    stride: tuple[int, int, int]

    def __post_init__(self) -> None:
        """Refuse windows that leave gaps.

        Raises
        ------
        ValueError
            With what was received.
        """
        if any(not 1 <= s <= w for w, s in zip(self.shape, self.stride, strict=True)):
            msg = f"windows of {self.shape} at every {self.stride} voxels"
            raise ValueError(msg)


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with its weights, as an engine runs it.

    Parameters
    ----------
    name : str
        Of its frozen graph.
    config : NetworkConfig
        Without `downsampling`, which is done to the image before.
    weights : WeightsFile
    pool : int
        Factor by which the conformed image is max-pooled; the output is on
        that grid.
    finder : TrainedNetwork, optional
        Finds the brain, where the network sees only the box around it.
    graph : str, optional
        Its structure, JSON; default: a file of the package of that `name`.
    windows : Windows, optional
        Parts that it sees one after the other; default: all at once.
    """

    name: str
    config: NetworkConfig
    weights: WeightsFile
    pool: int = 1
    finder: "TrainedNetwork | None" = None
    graph: str | None = field(default=None, repr=False)
    windows: Windows | None = None


@dataclass(frozen=True)
class Preset:
    """One trained network that can be asked for by name.

    Parameters
    ----------
    name, summary : str
        Name on the command line; one sentence.
    network : NetworkConfig
        Its architecture.
    weights : WeightsFile
        Weights of the whole network.
    coarse_weights : WeightsFile or None
        Weights of the coarse stage, where published apart.
    coarse_network : LodBrainConfig or None
        Architecture that `coarse_weights` fit.
    sees : {"head", "brain"}
        What the whole network is given: the conformed volume, or the box around
        the brain, which a coarse stage finds.
    finder : Preset, optional
        Whose coarse stage finds the brain; default: its own.
    pool : int
        Factor by which the conformed image is max-pooled for the whole network.
    windows : Windows, optional
        Parts that the whole network sees one after the other; default: all at once.
    label_sets : tuple of LabelSet
        What each head of the network says.
    normalisation : {"z_score_volume", "z_score_voxel"}
        What the input's intensities were divided by in training: the standard
        deviation of their own volume, or then also, voxel by voxel, that of a
        data set.
    training_data, licence, citation : str
        For the model card and the run record.
    ages : (float, float), optional
        Youngest and oldest person that it was trained on, in years, where that is known.
    scores : mapping
        Name of a measurement to its value, with the command that made it.
    folder : Path, optional
        Where its weights lie, for a network that somebody trained.
    graph : str, optional
        Structure of its network, JSON; default: a file of the package.
    statistics : StatisticsFiles, optional
        Of that data set, in `folder`.

    Raises
    ------
    ValueError
        When normalisation, statistics and what it sees do not go together, or results
        of two label sets would have one name.
    """

    name: str
    summary: str
    network: NetworkConfig
    weights: WeightsFile
    label_sets: tuple[LabelSet, ...]
    normalisation: Literal["z_score_volume", "z_score_voxel"]
    training_data: str
    licence: str
    citation: str
    coarse_weights: WeightsFile | None = None
    coarse_network: LodBrainConfig | None = None
    sees: Literal["head", "brain"] = "head"
    finder: "Preset | None" = None
    pool: int = 1
    windows: Windows | None = None
    ages: tuple[float, float] | None = None
    scores: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    graph: str | None = field(default=None, repr=False)
    statistics: StatisticsFiles | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        by_voxel = self.normalisation == "z_score_voxel"
        if by_voxel != (self.statistics is not None) or (by_voxel and self.sees != "head"):
            has = "statistics" if self.statistics else "no statistics"
            msg = f"normalisation {self.normalisation!r} with {has}, sees {self.sees!r}"
            raise ValueError(msg)
        entities = [label_set.entity for label_set in self.label_sets]
        if len(set(entities)) < len(entities) or not all(entities):
            msg = f"label sets that cannot be told apart by letters and digits: {entities}"
            raise ValueError(msg)

    def level(self, name: str) -> TrainedNetwork:
        """Network of a level of detail.

        Parameters
        ----------
        name : str
            One of :data:`LEVELS`.

        Raises
        ------
        UsageError
            On another level, or when the preset has no coarse stage.
        """
        if name not in LEVELS:
            msg = f"unknown level {name!r}; expected {' or '.join(LEVELS)}"
            raise UsageError(msg)
        if name == "fine":
            finder = (self.finder or self).level("coarse") if self.sees == "brain" else None
            return TrainedNetwork(
                self.name, self.network, self.weights, self.pool, finder, self.graph, self.windows
            )
        if self.coarse_weights is None or self.coarse_network is None:
            msg = f"preset {self.name!r} has no coarse stage of its own; use --level fine"
            raise UsageError(msg)
        pool = self.coarse_network.downsampling
        config = self.coarse_network.replace(downsampling=1)
        return TrainedNetwork(f"{self.name}-coarse", config, self.coarse_weights, pool)

    @property
    def label_set(self) -> LabelSet:
        """What the first head says; most networks have one."""
        return self.label_sets[0]

    @property
    def covers_brain(self) -> bool:
        """Whether what it finds shows where the brain is."""
        return any(label_set.covers_brain for label_set in self.label_sets)

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """All weights files of the preset."""
        if self.coarse_weights is None:
            return (self.weights,)
        return (self.weights, self.coarse_weights)
