"""Distributions of volumes: nobody is left out, nothing lies outside of the plot."""

import math

from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.outputs.report.group_plots import (
    PLOT_HEIGHT,
    PLOT_WIDTH,
    MeasuredVolume,
    plot_volumes,
)

VOLUMES = st.lists(
    st.one_of(st.floats(0, 3000), st.sampled_from([500.0, math.nan])), min_size=1, max_size=400
).filter(lambda volumes: any(math.isfinite(v) for v in volumes))


@given(volumes=VOLUMES)
def test_every_scan_with_a_volume_is_a_point_or_counted_by_a_bar(volumes):
    plot = plot_volumes(
        "GM",
        [MeasuredVolume(f"s{k}", v, 9.0 if k == 0 else 0.0) for k, v in enumerate(volumes)],
    )
    known = [v for v in volumes if math.isfinite(v)]
    assert plot.scans == len(known)
    assert (plot.least, plot.most) == (min(known), max(known))
    if plot.bars:
        assert len(known) > 200
        assert sum(bar.scans for bar in plot.bars) == len(known)
        assert [p.scan for p in plot.points] == (["s0"] if math.isfinite(volumes[0]) else [])
    else:
        assert sorted(p.volume_ml for p in plot.points) == sorted(known)
    for point in plot.points:
        assert 0 < point.x < PLOT_WIDTH
        assert 0 < point.y < PLOT_HEIGHT
    for bar in plot.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= PLOT_WIDTH
        assert 0 <= bar.y < bar.y + bar.height <= PLOT_HEIGHT + 1e-9
    assert 0 < plot.median_x < PLOT_WIDTH


def test_of_very_many_outliers_the_farthest_are_drawn():
    measured = [
        MeasuredVolume(f"s{k}", 500.0 + k, 4.0 + k if k < 1000 else 0.0) for k in range(2000)
    ]
    drawn = {point.scan for point in plot_volumes("GM", measured).points}
    assert drawn == {f"s{k}" for k in range(700, 1000)}
