"""A head of ellipsoids: scalp, skull, fluid, folded cortex, white matter, ventricles, neck."""

import nibabel as nib
import numpy as np

from ..phantoms import GRIDS, centred_affine, world_coordinates

#: Brightness of each tissue, white matter in T1w = 100.
T1W = {"scalp": 90, "skull": 12, "fluid": 25, "grey": 72, "white": 100, "air": 0}
T2W = {"scalp": 60, "skull": 8, "fluid": 110, "grey": 60, "white": 40, "air": 0}
FLAIR = {"scalp": 70, "skull": 8, "fluid": 14, "grey": 90, "white": 68, "air": 0}
#: Largest extent of the brain from its centre along R, A, S.
BRAIN_MM = np.array([64.0, 82.0, 62.0])


def ellipsoid(world, radii, centre=(0, 0, 0)):
    """Depth below the surface of an ellipsoid, in mm, roughly; negative outside."""
    radii = np.asarray(radii, float)
    return (1 - np.sqrt(np.square((world - centre) / radii).sum(-1))) * radii.min()


def head(
    directions=GRIDS["RAS"],
    voxel_mm=(2.0, 2.0, 2.0),
    shape=(100, 120, 120),
    contrast=T1W,
    noise=1.0,
    *,
    skull=True,
    centre_mm=(0.0, 0.0, -10.0),
    seed=7,
):
    """Make a head with Rician noise of a standard deviation: nibabel image, float32."""
    affine = centred_affine(directions, voxel_mm, shape, centre_mm)
    world = world_coordinates(affine, shape)
    folds = 3.0 * np.sin(world / 5.0).sum(-1) / 1.7
    depth = ellipsoid(world, BRAIN_MM)
    brain = depth + np.minimum(folds, 0)
    ventricle = ellipsoid(np.abs(world), (7, 26, 12), (9, 0, 8))
    neck = (np.hypot(world[..., 0], world[..., 1]) < 55) & (world[..., 2] < -20)
    outer = ellipsoid(world, BRAIN_MM + 17)
    tissue = np.select(
        [ventricle > 0, brain > 8, brain > 4, depth > 0, outer > 10, (outer > 5), outer > 0, neck],
        ["fluid", "white", "grey", "fluid", "fluid", "skull", "scalp", "grey"],
        "air",
    )
    if not skull:
        tissue = np.where(depth > 0, tissue, "air")
    image = np.select([tissue == name for name in contrast], list(contrast.values()), 0.0)
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(0, noise, (2, *shape))
    noisy = np.hypot(image + real, imaginary)
    if not skull:
        noisy[tissue == "air"] = 0
    made = nib.Nifti1Image(noisy.astype(np.float32), affine)
    made.set_qform(affine, 1)
    made.set_sform(affine, 1)
    made.header.set_xyzt_units("mm")
    return made
