"""Tiny runs of tiny networks, for tests of what is done with them."""

import yaml

from lodbrain_cli.inference.keras_backend import Backend
from lodbrain_cli.training.run import train

BACKEND = Backend("tensorflow", "2.x", "3.x", "cpu", 2)
CLASSES = "index\tname\tnumbers\tmapping\n0\tNothing\t*\t0\n1\tFirst\t2\t2\n2\tSecond\t3\t8\n"
STAGE = {"name": "all", "voxel_mm": 4, "image_mm": 4, "shapes": [[]], "steps": 3, "epoch_steps": 3}
NETWORKS = {
    "lod-brain": {"num_levels": 1, "filters": [2, 4]},
    "unet": {"architecture": "unet", "filters": 1, "activation": "softmax"},
    "cerebrum": {"architecture": "cerebrum", "filters": 2},
    "neuronet": {"architecture": "neuronet", "filters": [2, 4, 8], "units": 1},
}


def trained(folder, run, targets, **changes):
    table = "both.tsv" if len(targets) > 1 else "pairs.tsv"
    config = {"name": "mine", "data": {"table": table, "targets": targets}, "stages": [STAGE]}
    path = folder / f"{run}.yaml"
    path.write_text(yaml.safe_dump({**config, **changes}))
    train(path, folder / run, backend=BACKEND)
    return folder / run


TWO = [{"label_set": "two.tsv", "column": "labels"}]
BOTH = [*TWO, {"label_set": "half.tsv", "column": "other"}]
