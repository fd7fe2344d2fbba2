"""What can be asked for of a scan, but for the network."""

from dataclasses import dataclass
from typing import Any, Literal

from ..errors import UsageError

__all__ = ["SPACES", "ScanOptions", "SpaceName"]

SpaceName = Literal["native", "conformed"]
#: Grids that results may be on.
SPACES = ("native", "conformed")


@dataclass(frozen=True)
class ScanOptions:
    """What is asked for of a scan.

    Parameters
    ----------
    frame : int, optional
        Of a 4-D image, from 0.
    space : {"native", "conformed"}
        Grid of the results.
    postprocess : bool
        Smooth and keep one piece per structure (SPEC A.7 a-e).
    quality : bool
        Judge the result; labels do not depend on it.
    age : float, optional
        Of the person, in years; for the verdict.
    agreement : bool
        Judge also by a second answer of the network, for the scan mirrored and
        shifted: about twice the time.

    Raises
    ------
    UsageError
        On another space.
    """

    frame: int | None = None
    space: SpaceName = "native"
    postprocess: bool = True
    quality: bool = True
    age: float | None = None
    agreement: bool = False

    def __post_init__(self) -> None:
        """Refuse a grid that there is not."""
        if self.space not in SPACES:
            msg = f"unknown space {self.space!r}; expected {' or '.join(SPACES)}"
            raise UsageError(msg)

    @property
    def of_labels(self) -> dict[str, Any]:
        """Those that labels depend on, as in the record."""
        return {"frame": self.frame, "space": self.space, "postprocess": self.postprocess}
