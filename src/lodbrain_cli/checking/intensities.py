"""Values of the voxels: finite, not constant, no labels, no outliers."""

import numpy as np

from ..imaging.nifti import Scan
from .findings import Finding, Verdict
from .thresholds import OUTLIER_RATIO, VALUES_OF_LABELS

__all__ = ["intensity_finding"]


def intensity_finding(scan: Scan) -> Finding:
    """Look at the distribution of a scan's values.

    Parameters
    ----------
    scan : Scan
        Finite and not constant.
    """
    data = scan.data
    low, high = float(data.min()), float(data.max())
    step = max(1, round((data.size / 2**18) ** (1 / 3)))  # about 260,000 voxels
    sample = data[::step, ::step, ::step]
    different = len(np.unique(sample))
    negative = float(np.mean(sample < 0))
    bulk = float(np.percentile(np.abs(sample), 99.9))
    values = {
        "lowest": low,
        "highest": high,
        "percentile_99.9": bulk,
        "negative_share": round(negative, 4),
    }
    text = f"{low:g} to {high:g}"
    if different < VALUES_OF_LABELS and np.array_equal(sample, np.rint(sample)):
        text += f", only {different} different whole numbers: a label image instead of a scan?"
        return Finding("intensities", Verdict.WARN, text, values)
    if max(high, -low) > OUTLIER_RATIO * bulk:
        text += (
            f", where 99.9 % are below {bulk:g}: a few voxels distort how the scan is "
            "normalised; clip them"
        )
        return Finding("intensities", Verdict.WARN, text, values)
    if negative:
        text += f", {100 * negative:.0f} % negative"
    return Finding("intensities", Verdict.OK, text, values)
