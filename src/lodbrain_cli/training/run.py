"""A training run from a config file to weights."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ..errors import UsageError
from ..files import make_folder, remove_left_behind
from ..imaging.normalisation import Normalisation
from .ahead import Samples
from .config import StageOptions, TrainingConfig, read_config
from .dataset import Pair, find_pairs, read_table, split_subjects
from .facts import (
    add_start,
    changed_options,
    check_sides,
    keep_sides,
    read_sides,
    write_facts,
)
from .model import write_model
from .progressive import Score, Trainer
from .sources import Sources, training_samples, validation_samples
from .state import Progress
from .statistics import RunStatistics, statistics_of_run
from .targets import LABELS_COLUMN, Target
from .validation import ValidationSet
from .volumes import VolumeCache, read_head, read_pair

if TYPE_CHECKING:
    from ..inference.keras_backend import Backend

__all__ = ["train"]

_LOG = logging.getLogger(__name__)


def train(
    config_file: Path,
    folder: Path,
    *,
    backend: "Backend",
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
        Of the run: state, weights, history, the options, the split and the
        starts. Options and split are written once the state that is there was
        accepted; a person stays on the side where the run had them.
    backend : Backend
        Keras as it was started, for the record.
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
        When options, data, a folder or an earlier state do not fit.
    """
    config = _anywhere(read_config(config_file), config_file)
    base = data_folder or _base(config, config_file)
    cache = VolumeCache(cache_folder)
    pairs = _pairs(config, base)
    statistics = statistics_of_run(config.data.statistics, pairs)
    make_folder(folder)
    with _alone_in(folder):
        remove_left_behind(folder)
        earlier = read_sides(folder)
        pairs = keep_sides(pairs, earlier)
        training, validation = split_subjects(pairs, config.data.held_out, config.seed)
        sides = {"train": training, "validation": validation}
        check_sides(folder, earlier, sides)
        statistics.check(folder)
        _tell(sides)

        def write_down(progress: Progress) -> None:
            changed = changed_options(folder, config)
            if changed:
                _LOG.info("options changed since the last start: %s", ", ".join(changed))
            write_facts(folder, config, sides, base)
            statistics.copy_into(folder)
            add_start(folder, progress, backend)

        return _run(config, sides, folder, cache, statistics, on_read, write_down)


def _run(
    config: TrainingConfig,
    sides: Mapping[str, Sequence[Pair]],
    folder: Path,
    cache: VolumeCache,
    statistics: RunStatistics,
    on_read: Callable[[str], None] | None,
    on_start: Callable[[Progress], None],
) -> Path:
    targets = tuple(option.target() for option in config.data.targets)
    heads = {target.label_set.name: target.label_set.num_classes for target in targets}
    _check_networks(config, targets)
    sources = [
        _read(sides[name], cache, targets, statistics.normalisation, on_read)
        for name in ("train", "validation")
    ]
    number_of = {stage.name: number for number, stage in enumerate(config.stages)}

    def data(stage: StageOptions) -> tuple[Samples, Score]:
        seed = (config.seed, number_of[stage.name])
        samples = training_samples(config, stage, sources[0], seed)
        held_out = validation_samples(config, stage, sources[1], config.seed)
        return samples, ValidationSet(held_out, heads, config.stage_windows(stage)).score

    def on_best(stage: StageOptions) -> None:
        write_model(config, stage, folder, targets, statistics.files)

    return Trainer(config, folder, data, tuple(heads.values()), on_start, on_best).run()


def _check_networks(config: TrainingConfig, targets: tuple[Target, ...]) -> None:
    """Refuse heads that the network cannot have, before anything is read."""
    entities = [target.label_set.entity for target in targets]
    if len(set(entities)) < len(entities):
        msg = f"data.targets: two of them have the same name, by letters and digits: {entities}"
        raise UsageError(msg)
    heads = tuple(target.label_set.num_classes for target in targets)
    try:
        for stage in config.stages:
            config.stage_network(stage, heads)
    except ValueError as error:
        msg = f"network: {error}"
        raise UsageError(msg) from error


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Refuse a folder in which another process trains; a killed one holds nothing."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        msg = f"{folder}: another process trains there; wait for it, or use another folder"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{folder}: cannot be locked ({error.strerror or error}); use another folder"
        raise UsageError(msg) from error
    try:
        yield
    finally:
        lock.release()


def _read(
    pairs: Sequence[Pair],
    cache: VolumeCache,
    targets: tuple[Target, ...],
    normalisation: Normalisation,
    on_read: Callable[[str], None] | None,
) -> Sources:
    """Check every pair now; keep label maps, and read images when they are needed."""
    heads = {}
    for pair in dict.fromkeys(pairs):  # once, however often its row stands
        if on_read is not None:
            on_read(pair.subject)
        if pair.image is None:
            heads[pair] = read_head(pair, cache)
        else:
            read_pair(pair, cache, targets)
    images = [partial(read_pair, pair, cache, targets) for pair in pairs if pair not in heads]
    painted = [heads[pair] for pair in pairs if pair in heads]
    sources = Sources(tuple(painted), tuple(images), targets, normalisation, tuple(heads))
    if heads:
        sources.painting()  # refused now, not after the first stage
    return sources


def _anywhere(config: TrainingConfig, config_file: Path) -> TrainingConfig:
    """Config whose tables are found from any folder, such as that of the run."""
    folder = config_file.parent
    changes: dict[str, Any] = {"targets": tuple(t.beside(folder) for t in config.data.targets)}
    start = config.start.beside(folder) if config.start is not None else None
    if config.data.table is not None:
        changes["table"] = str((folder / config.data.table).absolute())
    if config.data.statistics is not None:
        changes["statistics"] = str((folder / config.data.statistics).absolute())
    return config.model_copy(
        update={"data": config.data.model_copy(update=changes), "start": start}
    )


def _base(config: TrainingConfig, config_file: Path) -> Path:
    """Return the data folder where none was named."""
    return Path(config.data.table or config_file).parent


def _pairs(config: TrainingConfig, base: Path) -> tuple[Pair, ...]:
    if config.data.table is not None:
        columns = {t.column: None for t in config.data.targets if t.column != LABELS_COLUMN}
        return read_table(Path(config.data.table), base, tuple(columns))
    return find_pairs(base, config.data.label_map or "")


def _tell(sides: Mapping[str, Sequence[Pair]]) -> None:
    for name, pairs in sides.items():
        images = sum(pair.image is not None for pair in pairs)
        people = len({pair.subject for pair in pairs})
        _LOG.info("%s: %d label maps of %d people, %d with an image",
                  name, len(pairs), people, images)  # fmt: skip
