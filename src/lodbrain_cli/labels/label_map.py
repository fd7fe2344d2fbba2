"""How the numbers of one protocol become those of another."""

from dataclasses import dataclass

__all__ = ["LabelMap", "numbers_of"]


def numbers_of(text: str) -> frozenset[int]:
    """Numbers of ``"2 41 77-79"``: whole numbers and ranges, both ends in them."""
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


@dataclass(frozen=True)
class LabelMap:
    """How the label numbers of another protocol become those of a label set.

    Parameters
    ----------
    name : str
    label_set : str
        Name of the label set that comes out.
    groups : tuple of frozenset of int
        Numbers that become 1, 2, ...
    ignored : frozenset of int
        Numbers of the protocol that become background. A number that is in
        none of these is foreign: the labels are of another protocol.
    rest_ignored : bool
        Whether numbers that are in none of these become background too.
    """

    name: str
    label_set: str
    groups: tuple[frozenset[int], ...]
    ignored: frozenset[int]
    rest_ignored: bool = False

    def reduce(self, number: int) -> int:
        """Return the label that a number becomes; 0 for what is ignored or foreign."""
        return next((k for k, group in enumerate(self.groups, 1) if number in group), 0)

    def knows(self, number: int) -> bool:
        """Whether a number belongs to the protocol."""
        return (
            self.rest_ignored
            or number in self.ignored
            or any(number in group for group in self.groups)
        )

    @property
    def numbers(self) -> frozenset[int]:
        """All numbers that become a label other than background."""
        return frozenset().union(*self.groups)

    def as_brain(self) -> "LabelMap":
        """Join all structures of the protocol: the label set ``brain``."""
        return LabelMap(self.name, "brain", (self.numbers,), self.ignored, self.rest_ignored)
