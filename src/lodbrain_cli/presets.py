"""The table of presets: what can be run, with which network and weights.

Pure data. Choices on the command line, tables in the documentation and the
run record all derive from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from .errors import UsageError

__all__ = ["PRESETS", "NetworkConfig", "Preset", "WeightsFile", "get_preset"]


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of a LOD-Brain network (Svanera et al. 2024; SPEC A.1, A.2).

    Parameters
    ----------
    num_classes : int
        Output classes, background included.
    num_levels : int
        Levels of detail. Level 0 is the coarsest and sees the input max-pooled
        by ``downsampling * 2 ** (num_levels - 1)``.
    filters : tuple of int
        Filters of the blocks of level 0 from its entry to its bridge; level k
        leaves out the k deepest encoder blocks. At most ``len(filters) - 1``
        levels are possible.
    feature_channels : int, optional
        Channels of each level's output, from which the classes are computed;
        default: four times the first filters. From there on all is linear, so
        no less than the classes loses nothing, and fewer cost less to train.
    input_channels : int
        Channels of the input image.
    downsampling : int
        Extra max-pooling of every level's input, undone at the output. The
        coarse stage of the two-level network is ``num_levels=1,
        downsampling=4`` in training.
    max_groups : int
        Groups of a normalisation are ``min(max_groups, filters)``.
    epsilon : float
        Added to the variance of a group.
    dropout : float
        Rate of the dropout inside a block; active in training only.
    l2 : float
        L2 penalty on the kernels that the authors regularise.
    """

    num_classes: int = 7
    num_levels: int = 2
    filters: tuple[int, ...] = (8, 16, 32)
    feature_channels: int | None = None
    input_channels: int = 1
    downsampling: int = 1
    max_groups: int = 8
    epsilon: float = 1e-3
    dropout: float = 0.05
    l2: float = 1e-4

    def __post_init__(self) -> None:
        """Refuse a shape that cannot be built.

        Raises
        ------
        ValueError
            Naming the field, what is possible and what was received.
        """
        deepest = len(self.filters) - 1
        if not 1 <= self.num_levels <= deepest:
            msg = (
                f"num_levels must be between 1 and {deepest} for filters="
                f"{self.filters} (one less than their number); "
                f"received num_levels={self.num_levels}"
            )
            raise ValueError(msg)
        for name in ("num_classes", "input_channels", "downsampling", "max_groups"):
            if getattr(self, name) < 1:
                msg = f"{name} must be at least 1; received {getattr(self, name)}"
                raise ValueError(msg)
        if self.feature_channels is not None and self.feature_channels < 1:
            msg = f"feature_channels must be at least 1; received {self.feature_channels}"
            raise ValueError(msg)
        for filters in self.filters:
            if filters < 1 or filters % min(self.max_groups, filters):
                msg = (
                    f"every entry of filters must divide into groups of "
                    f"{self.max_groups}; received filters={self.filters}"
                )
                raise ValueError(msg)

    @property
    def output_channels(self) -> int:
        """Channels of each level's output."""
        return self.feature_channels or 4 * self.filters[0]

    @property
    def alignment(self) -> int:
        """Factor that every side of the input must be a multiple of."""
        halvings = self.num_levels - 1 + len(self.filters) - 1
        return self.downsampling << halvings

    def coarse_stage(self, downsampling: int) -> "NetworkConfig":
        """Config of level 0 alone, as trained in the authors' first stage."""
        return self.replace(num_levels=1, downsampling=downsampling)

    def replace(self, **changes: Any) -> "NetworkConfig":
        """Copy with some fields changed."""
        return NetworkConfig(**{**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Fields as plain values, for JSON; ``NetworkConfig(**d)`` builds it again."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


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
        Addresses to try, in order.
    layout : {"lodbrain", "lod-brain-release"}
        How tensors are named inside the file.
    """

    name: str
    sha256: str
    num_bytes: int
    urls: tuple[str, ...]
    layout: Literal["lodbrain", "lod-brain-release"]


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
    coarse_network : NetworkConfig or None
        Architecture that `coarse_weights` fit.
    label_set : str
        Key into :data:`lodbrain_cli.labels.LABEL_SETS`.
    normalisation : {"z_score_volume"}
        What the input's intensities were divided by in training.
    training_data, licence, citation : str
        For the model card and the run record.
    scores : mapping
        Name of a measurement to its value, with the command that made it.
    """

    name: str
    summary: str
    network: NetworkConfig
    weights: WeightsFile
    label_set: str
    normalisation: Literal["z_score_volume"]
    training_data: str
    licence: str
    citation: str
    coarse_weights: WeightsFile | None = None
    coarse_network: NetworkConfig | None = None
    scores: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """All weights files of the preset."""
        if self.coarse_weights is None:
            return (self.weights,)
        return (self.weights, self.coarse_weights)


_RELEASE = (
    "https://raw.githubusercontent.com/rockNroll87q/LOD-Brain/{ref}"
    "/trained_model/7im5hf6z/checkpoints/{name}"
)


def _release_urls(name: str) -> tuple[str, ...]:
    # The tag first: it cannot move. The commit of main is the same file by another road.
    refs = ("v1.0.0", "b1f46e5e511ee6a5e85d6e0d0a79e0afe160f5cc")
    return tuple(_RELEASE.format(ref=ref, name=name) for ref in refs)


_LOD_BRAIN_NETWORK = NetworkConfig()

_LOD_BRAIN = Preset(
    name="lod-brain",
    summary="The LOD-Brain authors' released network: T1w heads, ages 8 to 90, six structures.",
    network=_LOD_BRAIN_NETWORK,
    weights=WeightsFile(
        name="weights_lv1.h5",
        sha256="0a88ff21d1f05643b31126ae9b736230cb4d4edd2478fe9bb26f4bd39975d623",
        num_bytes=1_423_528,
        urls=_release_urls("weights_lv1.h5"),
        layout="lod-brain-release",
    ),
    coarse_weights=WeightsFile(
        name="weights_lv0.h5",
        sha256="08a70a92f5bde7a305dd8c2c244cedb8abc1c3982e3caddedf9ad46e22e36c47",
        num_bytes=922_880,
        urls=_release_urls("weights_lv0.h5"),
        layout="lod-brain-release",
    ),
    coarse_network=_LOD_BRAIN_NETWORK.coarse_stage(downsampling=4),
    scores={
        "AOMIC, mean Dice of six classes with FreeSurfer": "0.918 (benchmarks/agreement.py)",
    },
    label_set="lod-brain-7",
    normalisation="z_score_volume",
    training_data=(
        "1,049 T1w volumes of more than 70 public data sets, labels by FreeSurfer; "
        "1.5 T and 3 T, ages 8 to 90 (end of epoch 50 of run 7im5hf6z)"
    ),
    licence="MIT, Copyright (c) 2023 Michele Svanera",
    citation=(
        "Svanera, Savardi, Signoroni, Benini, Muckli. Fighting the scanner effect in "
        "brain MRI segmentation with a progressive level-of-detail network trained on "
        "multi-site data. Medical Image Analysis 93 (2024) 103090. "
        "arXiv:2211.02400."
    ),
)

#: Presets by name, in the order in which they are listed; the first is the default.
PRESETS: Mapping[str, Preset] = MappingProxyType({p.name: p for p in (_LOD_BRAIN,)})


def get_preset(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    UsageError
        With the names that exist.
    """
    try:
        return PRESETS[name]
    except KeyError:
        known = ", ".join(PRESETS)
        msg = f"unknown preset {name!r}; known presets: {known}"
        raise UsageError(msg) from None
