"""What each number in a result means."""

from dataclasses import dataclass

__all__ = ["Label", "LabelSet"]


@dataclass(frozen=True)
class Label:
    """One label.

    Parameters
    ----------
    index : int
        Value in the label image.
    name : str
        Full name in English.
    abbreviation : str
        As in BIDS where the table has one. Never ``BG`` for basal ganglia: in
        BIDS that is the background.
    color : str
        ``#rrggbb``; the LOD-Brain authors' demo colours (SPEC A.6).
    mapping : int or None
        Index of the BIDS standard table of anatomical labels; None where it has none.
    """

    index: int
    name: str
    abbreviation: str
    color: str
    mapping: int | None

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green, blue, 0 to 255."""
        value = int(self.color[1:], 16)
        return value >> 16, value >> 8 & 255, value & 255


@dataclass(frozen=True)
class LabelSet:
    """Labels of one network, and how they are cleaned.

    Parameters
    ----------
    name : str
    labels : tuple of Label
        By index, from 0 = background.
    one_piece_probability : tuple of int
        Labels whose probability is kept only in its largest component.
    one_piece_label : tuple of int
        Labels of which only the largest component stays in the brain mask.
    covers_brain : bool
        Whether the structures together are the brain. Others (lesions, say) may lie in
        pieces, or nowhere, and do not tell where the brain is.
    """

    name: str
    labels: tuple[Label, ...]
    one_piece_probability: tuple[int, ...] = ()
    one_piece_label: tuple[int, ...] = ()
    covers_brain: bool = True

    @property
    def num_classes(self) -> int:
        """Number of labels, background included."""
        return len(self.labels)

    @property
    def entity(self) -> str:
        """Its name in file names, ``seg-<entity>``: BIDS allows letters and digits alone."""
        return "".join(c for c in self.name if c.isascii() and c.isalnum())

    @property
    def structures(self) -> tuple[Label, ...]:
        """Labels other than background."""
        return self.labels[1:]

    @property
    def mirrored(self) -> tuple[int, ...]:
        """For each label the one on the other side: ``Left ...`` and ``Right ...``, else itself."""
        numbers = {label.name: label.index for label in self.labels}
        return tuple(numbers.get(_other_side(x.name), x.index) for x in self.labels)


def _other_side(name: str) -> str:
    for side, other in (("Left ", "Right "), ("Right ", "Left ")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name
