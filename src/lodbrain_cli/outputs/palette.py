"""Colours of structures in pictures, told apart by colour-blind readers too.

Label files keep the colours of their label set. Over a grey image, and for eyes that
lack one kind of cone, some of those look alike; ``benchmarks/palette.py`` measures it.
"""

from ..labels import LabelSet

__all__ = ["PALETTE", "picture_colors"]

#: For up to six structures. Found by search: CIEDE2000 of at least 18 between any two,
#: and of 14 to any grey, for full, protan, deutan and tritan vision.
PALETTE = ("#73dcff", "#ccff33", "#bf9926", "#7373ff", "#bf0000", "#8c3f8c")


def picture_colors(label_set: LabelSet) -> tuple[str, ...]:
    """Colours of the structures of a label set, ``#rrggbb``, from label 1 on.

    Beyond six structures no palette serves all eyes: then they are the label set's own.
    """
    if len(label_set.structures) <= len(PALETTE):
        return PALETTE[: len(label_set.structures)]
    return tuple(label.color for label in label_set.structures)
