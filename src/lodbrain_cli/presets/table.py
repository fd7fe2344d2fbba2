"""The table of presets: what can be run, with which network and weights.

Pure data. Choices on the command line, tables in the documentation and the
run record all derive from it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import UsageError
from ..labels import get_label_set
from .lod_brain import LodBrainConfig
from .preset import Preset, WeightsFile
from .references import citation_of

__all__ = ["BRAIN_EXTRACTION", "PRESETS", "get_preset"]

_RELEASE = (
    "https://raw.githubusercontent.com/rockNroll87q/LOD-Brain/{ref}"
    "/trained_model/7im5hf6z/checkpoints/{name}"
)


def _release_urls(name: str) -> tuple[str, ...]:
    # The tag first: it cannot move. The commit of main is the same file by another road.
    refs = ("v1.0.0", "b1f46e5e511ee6a5e85d6e0d0a79e0afe160f5cc")
    return tuple(_RELEASE.format(ref=ref, name=name) for ref in refs)


_LOD_BRAIN_NETWORK = LodBrainConfig()

_LOD_BRAIN = Preset(
    name="lod-brain",
    summary="The LOD-Brain authors' released network: T1w heads, ages 8 to 90, six structures.",
    network=_LOD_BRAIN_NETWORK,
    weights=WeightsFile(
        name="weights_lv1.h5",
        sha256="0a88ff21d1f05643b31126ae9b736230cb4d4edd2478fe9bb26f4bd39975d623",
        num_bytes=1_423_528,
        urls=_release_urls("weights_lv1.h5"),
        layout="lod-brain-release",
    ),
    coarse_weights=WeightsFile(
        name="weights_lv0.h5",
        sha256="08a70a92f5bde7a305dd8c2c244cedb8abc1c3982e3caddedf9ad46e22e36c47",
        num_bytes=922_880,
        urls=_release_urls("weights_lv0.h5"),
        layout="lod-brain-release",
    ),
    coarse_network=_LOD_BRAIN_NETWORK.coarse_stage(downsampling=4),
    scores={
        "AOMIC, mean Dice of six classes with FreeSurfer": "0.918 (benchmarks/agreement.py)",
    },
    label_sets=(get_label_set("lod-brain-7"),),
    normalisation="z_score_volume",
    ages=(8.0, 90.0),
    training_data=(
        "1,049 T1w volumes of more than 70 public data sets, labels by FreeSurfer; "
        "1.5 T and 3 T, ages 8 to 90 (end of epoch 50 of run 7im5hf6z)"
    ),
    licence="MIT, Copyright (c) 2023 Michele Svanera",
    citation=citation_of("lod-brain", "lod-brain"),
)

_SYNTH = Preset(
    name="lod-brain-synth",
    summary=(
        "This project's own weights, packaged, still in training: less exact than lod-brain, to "
        "try lodbrain without a network."
    ),
    network=_LOD_BRAIN_NETWORK,
    weights=WeightsFile(
        name="lod-brain-synth.h5",
        sha256="e9307001ad132159e29fbc14df3b8d553ea054d98dc125d059ee9f77586bc7f9",
        num_bytes=1_390_768,
        urls=(),
        layout="lodbrain",
    ),
    coarse_weights=WeightsFile(
        name="lod-brain-synth-coarse.h5",
        sha256="85da66aea52d5eb454cc2a7a188049123531746ace62e8dcf5c70e841a9d7e62",
        num_bytes=901_296,
        urls=(),
        layout="lodbrain",
    ),
    coarse_network=_LOD_BRAIN_NETWORK.coarse_stage(downsampling=4),
    sees="brain",
    label_sets=(get_label_set("lod-brain-7"),),
    normalisation="z_score_volume",
    training_data=(
        "synthetic images of 49 label maps (SynthSeg repository), and five real heads and 67 of "
        "those images with the labels of lod-brain; weights/lod-brain-synth/README.md"
    ),
    licence="MIT",
    citation=citation_of("lod-brain-synth", "lod-brain"),
)

_BRAIN = Preset(
    name="brain-extraction",
    summary="Brain or not, at 2 mm: a network of this project, packaged, for lodbrain extract.",
    # At 1 mm it pools its input itself, so that it fits the brain's box.
    network=LodBrainConfig(heads=(2,), num_levels=1, downsampling=2, dropout=0.0, l2=0.0),
    weights=WeightsFile(
        name="brain-extraction.h5",
        sha256="f62cafea34f50f14a26a2c2a7af5b4173f80642055feadca81c6f3e4e0f81d8e",
        num_bytes=900_656,
        urls=(),
        layout="lodbrain",
    ),
    sees="brain",
    finder=_SYNTH,
    label_sets=(get_label_set("brain"),),
    normalisation="z_score_volume",
    training_data=(
        "synthetic images of 49 label maps (SynthSeg repository), and four real heads with the "
        "labels of lod-brain; begun from lod-brain-synth; weights/brain-extraction/README.md"
    ),
    licence="MIT",
    citation=citation_of("brain-extraction", "lod-brain"),
)

#: Presets by name, in the order in which they are listed; the first is the default.
PRESETS: Mapping[str, Preset] = MappingProxyType({p.name: p for p in (_LOD_BRAIN, _SYNTH, _BRAIN)})


#: Name of the preset that extracts brains where none is named.
BRAIN_EXTRACTION = _BRAIN.name


def get_preset(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    UsageError
        With the names that exist.
    """
    try:
        return PRESETS[name]
    except KeyError:
        known = ", ".join(PRESETS)
        msg = f"unknown preset {name!r}; known presets: {known}"
        raise UsageError(msg) from None
