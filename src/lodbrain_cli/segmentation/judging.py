"""The verdict on a result, from all that the pipeline knows of it."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..imaging.probability_maps import ProbabilityMaps
from ..imaging.volumetry import StructureVolume
from ..outputs.segmented import Segmentation
from ..postprocessing import Cleaning
from ..quality import Quality, Result, Trust, appraise
from .case import Case
from .loading import LoadedNetwork

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["distrust", "judge", "missing_structures"]


def judge(
    result: Segmentation,
    maps: ProbabilityMaps,
    cleaning: Cleaning | None,
    case: Case,
    loaded: LoadedNetwork,
    apart: "NDArray[np.float32] | None" = None,
) -> Quality:
    """Judge the result of one label set.

    Parameters
    ----------
    result : Segmentation
    maps : ProbabilityMaps
        That its labels came from.
    cleaning : Cleaning or None
        What post-processing struck out.
    case : Case
        With its prediction.
    loaded : LoadedNetwork
    apart : (X, Y, Z) float32 array, optional
        Where protocols differ, as :func:`.disagreement.disagreement` has it.
    """
    assert case.prediction is not None
    struck = cleaning.removed_voxels + sum(cleaning.zeroed_voxels.values()) if cleaning else 0
    return appraise(
        Result(
            maps=maps,
            preset=loaded.preset.name,
            pool=loaded.network.pool,
            label_set=result.label_set,
            labels=result.labels,
            affine=result.affine,
            whole_scan=result.space.name == "native",
            volumes=result.volumes,
            struck_voxels=struck,
            coarse=case.prediction.coarse,
            findings=case.findings,
            age=case.options.age,
            agreement=case.agreement,
            ages=loaded.preset.ages,
            disagreement=_mean_inside(apart, result.labels) if apart is not None else None,
        )
    )


def _mean_inside(apart: "NDArray[np.float32]", labels: "NDArray[np.uint8]") -> float | None:
    """Mean of a map where there is any structure; None where there is none."""
    inside = apart[labels > 0]
    return float(inside.mean()) if inside.size else None


def distrust(quality: Quality | None, said: Collection[str] = ()) -> list[str]:
    """Say in one warning that a result is not to be trusted, or to be looked at.

    Parameters
    ----------
    quality : Quality or None
    said : collection of str
        The warnings before it; a reason that is one of them is not repeated.
    """
    if quality is None or quality.trust is Trust.PASS:
        return []
    what = "not to be trusted" if quality.trust is Trust.FAIL else "to be looked at"
    why = "" if quality.reasons[0] in said else f": {quality.reasons[0]}"
    return [f"the result is {what} (score {quality.score:.0f} of 100){why}"]


def missing_structures(
    volumes: tuple[StructureVolume, ...], *, covers_brain: bool = True
) -> list[str]:
    """Say in one warning what was not found."""
    missing = [v.name for v in volumes if v.voxels == 0]
    if len(missing) == len(volumes):
        return [f"no {'brain' if covers_brain else 'structure'} was found: the result is empty"]
    return [f"not found: {', '.join(missing)}"] if missing else []
