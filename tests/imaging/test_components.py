import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from lodbrain_cli.imaging.components import bounding_box, largest_component


def flood(mask: np.ndarray) -> list[set]:
    """6-connected components by plain search, in C order of their first voxel."""
    left, found = {tuple(p) for p in np.argwhere(mask)}, []
    for start in map(tuple, np.argwhere(mask)):
        if start not in left:
            continue
        piece, pending = set(), [start]
        left.discard(start)
        while pending:
            voxel = pending.pop()
            piece.add(voxel)
            for axis in range(3):
                for step in (-1, 1):
                    near = tuple(v + step * (a == axis) for a, v in enumerate(voxel))
                    if near in left:
                        left.discard(near)
                        pending.append(near)
        found.append(piece)
    return found


@given(stn.arrays(bool, st.tuples(*[st.integers(1, 6)] * 3)))
def test_the_largest_piece_is_the_one_that_a_plain_search_finds(mask):
    pieces = flood(mask)
    expected = max(pieces, key=len) if pieces else set()  # max keeps the first of equals
    assert {tuple(p) for p in np.argwhere(largest_component(mask))} == expected


def test_voxels_that_touch_at_a_corner_are_apart():
    mask = np.zeros((3, 3, 3), bool)
    mask[0, 0, 0] = mask[1, 1, 0] = mask[1, 1, 1] = True
    assert largest_component(mask).sum() == 2


def test_the_box_of_nothing_is_none():
    assert bounding_box(np.zeros((2, 3, 4), bool)) is None
    mask = np.zeros((4, 5, 6), bool)
    mask[1, 2:4, 5] = True
    assert bounding_box(mask) == (slice(1, 2), slice(2, 4), slice(5, 6))
