import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from lodbrain_cli.inference.moments import MomentsSum


@given(
    values=stn.arrays(np.float64, (12, 3), elements=st.floats(-1e4, 1e4)),
    cuts=st.lists(st.integers(1, 11), max_size=4, unique=True),
)
def test_moments_of_parts_pool_to_those_of_the_whole(values, cuts):
    total = MomentsSum()
    for part in np.split(values, sorted(cuts)):
        total.add(np.stack([part.mean(0), part.var(0)]), len(part))
    np.testing.assert_allclose(total.moments[0], values.mean(0), atol=1e-8)
    np.testing.assert_allclose(total.moments[1], values.var(0), atol=1e-6, rtol=1e-9)


def test_a_large_offset_does_not_cancel_the_variance():
    rng = np.random.default_rng(3)
    values = rng.normal(1e6, 1e-2, size=10_000)
    total = MomentsSum()
    for part in np.array_split(values, 7):
        total.add(np.array([[part.mean()], [part.var()]]), len(part))
    np.testing.assert_allclose(total.moments[1, 0], values.var(), rtol=1e-6)
