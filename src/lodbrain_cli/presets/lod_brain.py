"""Shape of a LOD-Brain network."""

from dataclasses import dataclass
from typing import ClassVar

from .network import NetworkConfig, at_least_one, dropout_is_share, groups_divide

__all__ = ["LodBrainConfig"]


@dataclass(frozen=True)
class LodBrainConfig(NetworkConfig):
    """Shape of a LOD-Brain network (Svanera et al. 2024; SPEC A.1, A.2).

    Parameters
    ----------
    heads : tuple of int
        Classes of each label set that comes out, background included; all are
        computed from the same features.
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

    architecture: ClassVar[str] = "lod-brain"

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
        super().__post_init__()
        deepest = len(self.filters) - 1
        if not 1 <= self.num_levels <= deepest:
            msg = (
                f"num_levels must be between 1 and {deepest} for filters="
                f"{self.filters} (one less than their number); "
                f"received num_levels={self.num_levels}"
            )
            raise ValueError(msg)
        at_least_one(self, "input_channels", "downsampling", "max_groups", "output_channels")
        groups_divide(self.filters, self.max_groups)
        dropout_is_share(self.dropout)

    @property
    def output_channels(self) -> int:
        """Channels of each level's output."""
        if self.feature_channels is None:
            return 4 * self.filters[0]
        return self.feature_channels

    @property
    def alignment(self) -> int:
        """Factor that every side of the input must be a multiple of."""
        halvings = self.num_levels - 1 + len(self.filters) - 1
        return self.downsampling << halvings

    def coarse_stage(self, downsampling: int) -> "LodBrainConfig":
        """Config of level 0 alone, as trained in the authors' first stage."""
        return self.replace(num_levels=1, downsampling=downsampling)
