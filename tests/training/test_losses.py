"""The losses equal the authors' formulas, computed apart with NumPy in float64."""

import keras
import numpy as np
import pytest

from lodbrain_cli.training.losses import LOSSES, over_heads, per_channel_dice

from ..networks.gradient_check import gradient


def predictions_and_targets(rng, shape=(2, 4, 5, 3), classes=7):
    scores = rng.normal(size=(*shape, classes))
    predictions = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    targets = np.eye(classes)[rng.integers(0, classes, shape)]
    return predictions.astype("float32"), targets.astype("float32")


def dice(p, g):
    p, g = (x.reshape(-1, 7).astype("float64") for x in (p, g))
    return 2 * (p * g).sum(0) / ((p**2).sum(0) + (g**2).sum(0) + 1e-6)


def tversky(p, g, alpha, beta):
    p, g = p.astype("float64"), g.astype("float64")
    hits = (p * g).sum()
    false_positives, false_negatives = (p * (1 - g)).sum(), ((1 - p) * g).sum()
    return (hits + 1e-6) / (hits + alpha * false_positives + beta * false_negatives + 1e-6)


def jaccard(p, g):
    axes = (1, 2, 3, 4)
    overlap = (p * g).sum(axes) + 1e-6
    return (1 - overlap / (g.sum(axes) + p.sum(axes) - overlap)).mean()


def entropy(p, g):
    return -np.log((p.astype("float64") * g).sum(-1)).mean()


EXPECTED = {
    "per_channel_dice_loss": lambda p, g: 1 - dice(p, g).mean(),
    "tversky_custom_loss": lambda p, g: 1 - tversky(p, g, 0.3, 0.7),
    "dice_loss": lambda p, g: 1 - tversky(p, g, 0.5, 0.5),
    "tanimoto_loss": lambda p, g: 1 - tversky(p, g, 1.0, 1.0),
    "focal_tversky_loss": lambda p, g: (1 - tversky(p, g, 0.3, 0.7)) ** 0.75,
    "jaccard_loss": jaccard,
    "foreground_jaccard_loss": lambda p, g: jaccard(p[..., 1:], g[..., 1:]),
    "categorical_crossentropy": entropy,
    **{
        f"mixed_dice_cce_{a}_{b}": lambda p, g, a=a, b=b: (
            a / 10 * (1 - dice(p, g).mean()) + b / 10 * entropy(p, g)
        )
        for a, b in ((8, 2), (6, 4), (5, 5), (4, 6), (2, 8))
    },
}


def test_the_loss_of_several_heads_is_the_mean_of_theirs(rng):
    p, g = predictions_and_targets(rng)
    both = over_heads(LOSSES["dice_loss"], (3, 4))(g, p)
    each = [
        float(LOSSES["dice_loss"](g[..., part], p[..., part]))
        for part in (slice(0, 3), slice(3, 7))
    ]
    assert float(both) == pytest.approx(np.mean(each), rel=1e-5)
    assert over_heads(LOSSES["dice_loss"], (7,)) is LOSSES["dice_loss"]


@pytest.mark.parametrize("name", LOSSES)
def test_a_head_without_labels_costs_nothing_and_pulls_at_nothing(name, rng):
    p, g = predictions_and_targets(rng)
    loss = over_heads(LOSSES[name], (3, 4))
    g[..., :3] = np.eye(3)[rng.integers(0, 3, g.shape[:-1])]
    g[..., 3:] = np.eye(4)[rng.integers(0, 4, g.shape[:-1])]
    first = float(LOSSES[name](g[..., :3], p[..., :3]))
    unknown = g.copy()
    unknown[..., 3:] = 0
    assert float(loss(unknown, p)) == pytest.approx(first, rel=1e-5)
    slope = gradient(lambda x: loss(unknown, x), p)
    assert not np.asarray(slope)[..., 3:].any()
    assert np.asarray(slope)[..., :3].any()
    # Of a batch, those who have labels teach, the others do not.
    unknown[1, ..., 3:] = 0
    unknown[0, ..., 3:] = g[0, ..., 3:]
    slope = np.asarray(gradient(lambda x: loss(unknown, x), p))
    assert slope[0, ..., 3:].any()
    assert not slope[1, ..., 3:].any()


def test_every_loss_has_its_formula_here():
    assert EXPECTED.keys() == LOSSES.keys()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_equals_its_formula(name, rng):
    p, g = predictions_and_targets(rng)
    assert float(LOSSES[name](g, p)) == pytest.approx(EXPECTED[name](p, g), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_perfect_prediction_costs_less_than_a_wrong_one(name, rng):
    _, g = predictions_and_targets(rng)
    assert float(LOSSES[name](g, g)) < 1e-3
    assert float(LOSSES[name](g, np.roll(g, 1, -1))) > 0.5


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("excess", [0.0, 1e-4])
def test_a_perfect_prediction_has_a_finite_loss_and_slope(name, excess, rng):
    _, g = predictions_and_targets(rng)
    # Probabilities that sum to a little more than 1 bring the index above 1.
    predictions = (g * (1 + excess)).astype("float32")
    assert np.isfinite(float(LOSSES[name](g, predictions)))
    slope = gradient(lambda p: LOSSES[name](keras.ops.convert_to_tensor(g), p), predictions)
    assert np.isfinite(slope).all()


def test_shares_of_a_coarse_grid_give_the_loss_of_the_fine_one(rng):
    p, _ = predictions_and_targets(rng, (1, 2, 3, 2))
    fine = np.eye(7, dtype="float32")[rng.integers(0, 7, (1, 8, 12, 8))]
    shares = keras.ops.average_pool(fine, 4, 4)
    repeated = p.repeat(4, 1).repeat(4, 2).repeat(4, 3)
    np.testing.assert_allclose(per_channel_dice(shares, p), dice(repeated, fine), rtol=1e-5)
