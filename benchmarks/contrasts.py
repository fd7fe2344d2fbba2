"""Heads rendered from label maps in contrasts that are not T1w.

Relative intensities of tissues in T2w, FLAIR and PD images at 1.5 to 3 T, as ranges to draw
from: order and rough ratios of the textbooks (fluid brightest in T2w, suppressed in FLAIR; grey
matter brighter than white in all three), not measured. Everything else (deformation, noise,
receive field, resolution) is drawn as for `lodbrain synthesize`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lodbrain_cli.imaging.conform import SIDE
from lodbrain_cli.labels import get_label_map
from lodbrain_cli.training.render import conformed_head, painted
from lodbrain_cli.training.synthesis import Recipe, sample_synthesis
from lodbrain_cli.training.tissues import TISSUES

#: Tissue → range of its mean in T2w, FLAIR and PD.
_MEANS = {
    "air": ((0.0, 0.02), (0.0, 0.02), (0.0, 0.02)),
    "cerebral white matter": ((0.30, 0.40), (0.60, 0.70), (0.65, 0.72)),
    "cerebral cortex": ((0.45, 0.58), (0.75, 0.90), (0.78, 0.90)),
    "hippocampus": ((0.48, 0.60), (0.78, 0.92), (0.78, 0.90)),
    "amygdala": ((0.48, 0.60), (0.78, 0.92), (0.78, 0.90)),
    "ventricles": ((0.90, 1.10), (0.08, 0.20), (0.70, 1.00)),
    "cerebrospinal fluid": ((0.85, 1.10), (0.08, 0.22), (0.70, 1.00)),
    "cerebellar white matter": ((0.30, 0.42), (0.58, 0.68), (0.65, 0.72)),
    "cerebellar cortex": ((0.42, 0.58), (0.70, 0.85), (0.76, 0.88)),
    "thalamus": ((0.36, 0.46), (0.65, 0.75), (0.70, 0.80)),
    "caudate": ((0.40, 0.52), (0.70, 0.82), (0.75, 0.86)),
    "putamen": ((0.38, 0.48), (0.66, 0.78), (0.72, 0.83)),
    "pallidum": ((0.22, 0.34), (0.50, 0.62), (0.60, 0.70)),
    "accumbens": ((0.42, 0.55), (0.70, 0.85), (0.75, 0.88)),
    "ventral diencephalon": ((0.30, 0.42), (0.60, 0.72), (0.65, 0.75)),
    "brainstem": ((0.32, 0.45), (0.60, 0.75), (0.65, 0.78)),
    "lesions": ((0.60, 0.90), (0.95, 1.20), (0.85, 1.00)),
    "choroid plexus": ((0.60, 0.90), (0.50, 0.90), (0.70, 1.00)),
    "vessels": ((0.05, 0.30), (0.05, 0.30), (0.05, 0.30)),
    "optic chiasm": ((0.35, 0.50), (0.60, 0.75), (0.60, 0.75)),
    "skull": ((0.05, 0.40), (0.05, 0.50), (0.05, 0.40)),
    "cortical bone": ((0.02, 0.15), (0.02, 0.15), (0.02, 0.20)),
    "bone marrow": ((0.30, 0.70), (0.30, 0.90), (0.50, 1.00)),
    "venous sinuses": ((0.10, 0.50), (0.10, 0.50), (0.10, 0.60)),
    "soft tissue": ((0.15, 0.70), (0.15, 0.90), (0.30, 1.10)),
    "muscle and fat": ((0.15, 0.70), (0.15, 0.90), (0.30, 1.10)),
    "skin": ((0.30, 0.80), (0.40, 1.00), (0.50, 1.10)),
    "mucosa": ((0.60, 1.00), (0.50, 1.00), (0.60, 1.00)),
    "eye muscles": ((0.20, 0.40), (0.30, 0.50), (0.40, 0.70)),
    "eyes": ((0.90, 1.10), (0.05, 0.20), (0.60, 1.00)),
    "spinal cord": ((0.35, 0.50), (0.55, 0.75), (0.60, 0.80)),
    "hypointensities": ((0.50, 0.80), (0.80, 1.10), (0.70, 0.95)),
    "other head tissue": ((0.10, 0.80), (0.10, 0.90), (0.20, 1.00)),
}
#: Contrasts that can be rendered; the first is that of `lodbrain synthesize`.
CONTRASTS = ("t1w", "t2w", "flair", "pd")


def rendered(labels: Path, contrast: str, seed: int):
    """Render a head: (256, 256, 256) float32 image and its (4, 4) affine."""
    label_map = get_label_map("synthseg")
    head, affine = conformed_head(labels, label_map)
    rng = np.random.default_rng([seed, CONTRASTS.index(contrast)])
    recipe = Recipe(t1w_share=1.0, stripped_share=0.0, narrow_share=0.0)
    drawn = sample_synthesis(rng, head, (SIDE,) * 3, 1.0, recipe)
    if contrast != "t1w":
        drawn = replace(drawn, contrast=_painted(drawn.contrast, contrast, rng))
    return painted(head, drawn, label_map)[0] * 1000, affine


def _painted(drawn, contrast, rng):
    ranges = np.array([_MEANS[t.name][CONTRASTS.index(contrast) - 1] for t in TISSUES])
    mottled = np.array([t.mottled for t in TISSUES])
    low, high = ranges.T
    means = rng.uniform(low, high)
    second = means + mottled * (rng.uniform(low, high) - means)
    return replace(drawn, means=np.stack([means, second]).astype(np.float32))
