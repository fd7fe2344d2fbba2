"""The network of a run as a model file, which every command takes as a preset."""

from collections.abc import Sequence
from pathlib import Path

from ..networks.model_folder import write_model_file
from ..presets import (
    LodBrainConfig,
    NetworkConfig,
    Preset,
    StatisticsFiles,
    WeightsFile,
    get_preset,
)
from ..weights.store import sha256_of
from .config import StageOptions, TrainingConfig
from .places import FINDER
from .targets import Target

__all__ = ["write_model"]


def write_model(
    config: TrainingConfig,
    stage: StageOptions,
    folder: Path,
    targets: Sequence[Target],
    statistics: StatisticsFiles | None = None,
) -> Path | None:
    """Describe the weights of a stage in ``model.json`` beside them.

    Parameters
    ----------
    config : TrainingConfig
    stage : StageOptions
        Its weights are in the folder.
    folder : Path
        Of the run.
    targets : sequence of Target
    statistics : StatisticsFiles, optional
        That images were normalised by; in the folder, too.

    Returns
    -------
    Path or None
        None where the stage's voxels are not of whole millimetres, which the
        pipeline cannot give a network.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    pool = round(stage.voxel_mm)
    if pool != stage.voxel_mm:
        return None
    network = config.stage_network(stage, tuple(t.label_set.num_classes for t in targets))
    network, pool = _as_used(network, pool, stage.sees)
    weights = folder / f"{stage.name}.h5"
    preset = Preset(
        name=config.name,
        summary=f"Trained here: {', '.join(t.label_set.name for t in targets)}.",
        network=network,
        weights=WeightsFile(
            weights.name, sha256_of(weights), weights.stat().st_size, (), "lodbrain"
        ),
        label_sets=tuple(t.label_set for t in targets),
        normalisation="z_score_voxel" if statistics else "z_score_volume",
        statistics=statistics,
        training_data="see config.yaml and split.tsv beside the weights",
        licence="not stated",
        citation="none",
        sees=stage.sees,
        finder=get_preset(FINDER) if stage.sees == "brain" else None,
        pool=pool,
        windows=config.stage_windows(stage),
    )
    return write_model_file(preset, folder)


def _as_used(network: NetworkConfig, pool: int, sees: str) -> tuple[NetworkConfig, int]:
    """Let a network that sees the brain's box pool its input itself: the box is one of 1 mm."""
    if sees == "brain" and isinstance(network, LodBrainConfig):
        return network.replace(downsampling=pool), 1
    return network, pool
