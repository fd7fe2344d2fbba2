"""A training run from a config file to weights."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from ..errors import UsageError
from ..files import write_text
from .ahead import Samples
from .config import StageOptions, TrainingConfig, read_config
from .dataset import Pair, find_pairs, read_table, split_subjects
from .progressive import Score, Trainer
from .sources import Sources, training_samples, validation_samples
from .validation import ValidationSet
from .volumes import VolumeCache, read_head, read_pair

__all__ = ["train"]


def train(
    config_file: Path,
    folder: Path,
    *,
    data_folder: Path | None = None,
    cache_folder: Path | None = None,
    on_read: Callable[[str], None] | None = None,
) -> Path:
    """Train what a config describes; a run that is in the folder goes on.

    Parameters
    ----------
    config_file : Path
        YAML.
    folder : Path
        Of the run: state, weights, history, the options and the split.
    data_folder : Path, optional
        What the table's paths are relative to, or the folder to look through.
    cache_folder : Path, optional
        Where conformed volumes are kept between runs; default: nowhere.
    on_read : callable, optional
        Called with the name of each subject that is read.

    Returns
    -------
    Path
        Best weights of the last stage.

    Raises
    ------
    UsageError, InputError
        When options, data or an earlier state do not fit.
    """
    config = read_config(config_file)
    pairs = _pairs(config, config_file, data_folder)
    training, validation = split_subjects(pairs, config.data.held_out, config.seed)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        _write_facts(folder, config, training, validation)
        return _run(config, training, validation, folder, VolumeCache(cache_folder), on_read)


def _run(
    config: TrainingConfig,
    training: Sequence[Pair],
    validation: Sequence[Pair],
    folder: Path,
    cache: VolumeCache,
    on_read: Callable[[str], None] | None,
) -> Path:
    sources = [_read(side, cache, on_read) for side in (training, validation)]
    number_of = {stage.name: number for number, stage in enumerate(config.stages)}

    def data(stage: StageOptions) -> tuple[Samples, Score]:
        seed = (config.seed, number_of[stage.name])
        samples = training_samples(config, stage, sources[0], seed)
        held_out = validation_samples(config, stage, sources[1], config.seed)
        num_classes = config.network.config().num_classes
        return samples, ValidationSet(held_out, num_classes).score

    return Trainer(config, folder, data).run()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Refuse a folder in which another process trains; a killed one holds nothing."""
    lock = FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        msg = f"{folder}: another process trains there; wait for it, or use another folder"
        raise UsageError(msg) from None


def _read(
    pairs: Sequence[Pair], cache: VolumeCache, on_read: Callable[[str], None] | None
) -> Sources:
    """Check every pair now; keep label maps, and read images when they are needed."""
    heads, images = [], []
    for pair in pairs:
        if on_read is not None:
            on_read(pair.subject)
        if pair.image is None:
            heads.append(read_head(pair, cache))
        else:
            read_pair(pair, cache)
            images.append(partial(read_pair, pair, cache))
    return Sources(tuple(heads), tuple(images))


def _pairs(config: TrainingConfig, config_file: Path, data_folder: Path | None) -> tuple[Pair, ...]:
    if config.data.table is not None:
        return read_table(config_file.parent / config.data.table, data_folder)
    return find_pairs(data_folder or config_file.parent, config.data.label_map or "")


def _write_facts(
    folder: Path, config: TrainingConfig, training: Sequence[Pair], validation: Sequence[Pair]
) -> None:
    """Save all options, defaults included, and who was on which side."""
    options = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    write_text(folder / "config.yaml", options)
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(["set", "subject", "labels", "label_map"])
    for name, side in (("train", training), ("validation", validation)):
        table.writerows([name, p.subject, p.labels.name, p.label_map] for p in side)
    write_text(folder / "split.tsv", text.getvalue())
