"""Distances between the colours of pictures, as eyes with three kinds of cones or two see them.

``python benchmarks/palette.py`` (needs the extra ``mesh``). Colour vision deficiency is
simulated after Machado, Oliveira and Fernandes 2009 (IEEE TVCG 15), severity 1; distances are
CIEDE2000, in which 2 can just be seen.
"""

from collections.abc import Sequence

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from lodbrain_cli.labels import get_label_set
from lodbrain_cli.outputs.palette import PALETTE

# Linear RGB as it is to linear RGB as it is seen.
VISIONS = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
GREYS = ("#505050", "#808080", "#b0b0b0", "#d8d8d8")


def seen(color: str, vision: str) -> np.ndarray:
    """(3,) CIELAB of a colour ``#rrggbb`` as it is seen."""
    rgb = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    changed = np.clip(VISIONS[vision] @ linear, 0, 1)
    back = np.where(changed <= 0.0031308, changed * 12.92, 1.055 * changed ** (1 / 2.4) - 0.055)
    return rgb2lab(back[None, None])[0, 0]


def smallest_distances(colors: Sequence[str]) -> dict[str, tuple[float, float]]:
    """By vision: the smallest distance between two of the colours, and to a grey."""
    found = {}
    for vision in VISIONS:
        lab = np.array([seen(color, vision) for color in colors])
        grey = np.array([seen(color, vision) for color in GREYS])
        among = deltaE_ciede2000(lab[:, None], lab[None])[np.triu_indices(len(lab), 1)]
        to_grey = deltaE_ciede2000(lab[:, None], grey[None])
        found[vision] = float(among.min()), float(to_grey.min())
    return found


def main() -> None:
    own = [label.color for label in get_label_set("lod-brain-7").structures]
    print("| vision | pictures: to each other | to grey | label set: to each other | to grey |")
    print("|---|---|---|---|---|")
    pictures, labels = smallest_distances(PALETTE), smallest_distances(own)
    for vision in VISIONS:
        numbers = " | ".join(f"{v:.1f}" for v in (*pictures[vision], *labels[vision]))
        print(f"| {vision} | {numbers} |")


if __name__ == "__main__":
    main()
