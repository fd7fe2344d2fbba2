"""Shapes of the three neighbours of LOD-Brain: U-Net, NeuroNet, CEREBRUM-7T."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from .network import NetworkConfig, at_least_one, dropout_is_share

__all__ = ["CerebrumConfig", "NeuroNetConfig", "UNetConfig"]


@dataclass(frozen=True)
class UNetConfig(NetworkConfig):
    """Shape of nobrainer's 3-D U-Net (tag 0.1.1; SPEC C.1).

    Parameters
    ----------
    heads : tuple of int
        Classes of each label set that comes out, background included.
    filters : int
        Of the first convolution; each of the four scales has twice as many.
    activation : {"sigmoid", "softmax"}
        Sigmoid computes one channel, the probability of the structure, as the
        published brain extraction does; for one head of two classes only.
    batch_normalisation : bool
        Between each convolution and its ReLU.
    dropout : float
        Rate after each pair of convolutions, in training and when sampling.
    """

    architecture: ClassVar[str] = "unet"

    heads: tuple[int, ...] = (2,)
    filters: int = 16
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    batch_normalisation: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a shape that cannot be built.

        Raises
        ------
        ValueError
            Naming the field.
        """
        super().__post_init__()
        at_least_one(self, "filters")
        dropout_is_share(self.dropout)
        if self.activation not in ("sigmoid", "softmax"):
            msg = f"activation must be sigmoid or softmax; received {self.activation!r}"
            raise ValueError(msg)
        if self.activation == "sigmoid" and self.heads != (2,):
            msg = f"activation sigmoid is for heads (2,); received heads={self.heads}"
            raise ValueError(msg)

    @property
    def alignment(self) -> int:
        """Factor that every side of the input must be a multiple of."""
        return 8


@dataclass(frozen=True)
class NeuroNetConfig(NetworkConfig):
    """Shape of NeuroNet: one encoder, one decoder per head (Rajchl et al. 2018; SPEC B.1).

    Parameters
    ----------
    heads : tuple of int
        Classes of each protocol, background included.
    filters : tuple of int
        Of the first convolution and of each further scale.
    units : int
        Residual units per scale.
    """

    architecture: ClassVar[str] = "neuronet"

    filters: tuple[int, ...] = (16, 32, 64, 128)
    units: int = 2

    def __post_init__(self) -> None:
        """Refuse a shape that cannot be built.

        Raises
        ------
        ValueError
            Naming the field.
        """
        super().__post_init__()
        at_least_one(self, "units")
        if len(self.filters) < 2 or list(self.filters) != sorted({0, *self.filters})[1:]:
            msg = f"filters must be two or more that grow; received {self.filters}"
            raise ValueError(msg)

    @property
    def alignment(self) -> int:
        """Factor that every side of the input must be a multiple of."""
        return 1 << (len(self.filters) - 1)


@dataclass(frozen=True)
class CerebrumConfig(NetworkConfig):
    """Shape of CEREBRUM-7T (Svanera et al. 2021; SPEC D.1).

    Parameters
    ----------
    heads : tuple of int
        Classes of each label set that comes out, background included.
    filters : int
        Of the first level; the second has twice, the third four times as many.
    dropout : float
        Rate after the convolutions of the second and third level.
    """

    architecture: ClassVar[str] = "cerebrum"

    filters: int = 24
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a shape that cannot be built.

        Raises
        ------
        ValueError
            Naming the field.
        """
        super().__post_init__()
        at_least_one(self, "filters")
        dropout_is_share(self.dropout)

    @property
    def alignment(self) -> int:
        """Factor that every side of the input must be a multiple of."""
        return 8
