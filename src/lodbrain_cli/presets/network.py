"""What shapes of networks have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

__all__ = ["NetworkConfig", "at_least_one", "dropout_is_share", "groups_divide"]


@dataclass(frozen=True)
class NetworkConfig(ABC):
    """Shape of a network, from which it is built; plain data.

    Parameters
    ----------
    heads : tuple of int
        Classes of each label set that comes out, background included. The
        channels of the output are those of all heads, one head after the other.
    """

    #: Name in configs and model files.
    architecture: ClassVar[str]

    heads: tuple[int, ...] = (7,)

    @property
    def num_classes(self) -> int:
        """Channels of the output: classes of all heads."""
        return sum(self.heads)

    @property
    @abstractmethod
    def alignment(self) -> int:
        """Factor that every side of the input must be a multiple of."""

    def check_shape(self, shape: tuple[int | None, ...]) -> None:
        """Refuse sides that the network cannot take; None is an open side.

        Raises
        ------
        ValueError
            When a side is not a multiple of :attr:`alignment`.
        """
        if any(side is not None and side % self.alignment for side in shape):
            msg = f"every side must be a multiple of {self.alignment}; received shape={shape}"
            raise ValueError(msg)

    def replace(self, **changes: Any) -> Self:
        """Copy with some fields changed."""
        return type(self)(**{**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Fields as plain values, for JSON; the class called with them builds it again."""
        return {name: getattr(self, name) for name in (f.name for f in fields(self))}

    def __post_init__(self) -> None:
        """Refuse heads that cannot be.

        Raises
        ------
        ValueError
            Naming the field, what is possible and what was received.
        """
        if not self.heads or any(classes < 1 for classes in self.heads):
            msg = f"heads must be numbers of classes, each at least 1; received {self.heads}"
            raise ValueError(msg)


def at_least_one(config: NetworkConfig, *names: str) -> None:
    """Refuse a field below 1.

    Raises
    ------
    ValueError
        Naming the field.
    """
    for name in names:
        if getattr(config, name) < 1:
            msg = f"{name} must be at least 1; received {getattr(config, name)}"
            raise ValueError(msg)


def dropout_is_share(dropout: float) -> None:
    """Refuse a rate of dropout that leaves nothing, or is none.

    Raises
    ------
    ValueError
        With what was received.
    """
    if not 0 <= dropout < 1:
        msg = f"dropout must be at least 0 and less than 1; received {dropout}"
        raise ValueError(msg)


def groups_divide(filters: tuple[int, ...], max_groups: int) -> None:
    """Refuse filters that do not fall into groups.

    Raises
    ------
    ValueError
        Naming the filters.
    """
    for number in filters:
        if number < 1 or number % min(max_groups, number):
            msg = (
                f"every entry of filters must divide into groups of "
                f"{max_groups}; received filters={filters}"
            )
            raise ValueError(msg)
