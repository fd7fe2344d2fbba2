"""Shapes of the networks that can be built."""

from dataclasses import dataclass
from typing import Any

__all__ = ["NetworkConfig"]


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
