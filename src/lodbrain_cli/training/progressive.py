"""Coarse to fine: the stages of a training run, each resumable at any moment.

The order of the LOD-Brain authors (SPEC A.6): the coarse level first, on a
coarse grid where a whole head is small; then finer grids and levels, from the
coarse tensors, which are frozen or go on learning.
"""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import InputError
from ..files import make_folder
from ..networks.build import build_network
from ..networks.checkpoint import named_variables, save_weights
from ..networks.tensors import read_tensors
from ..presets import LodBrainConfig, NetworkConfig
from .ahead import BatchesAhead, Samples
from .board import Board
from .config import StageOptions, TrainingConfig
from .history import write_history
from .learner import Learner
from .losses import LOSSES, over_heads
from .matching import match_classes
from .schedules import cosine_rate, epochs_without_better, plateau_rate
from .start import copied_layers, copy_layers, copy_what_is_there, source_tensors
from .state import Progress, Tensors, read_state, write_state

__all__ = ["Score", "StageData", "Trainer", "freeze_coarser_levels", "silence_new_levels"]

_LOG = logging.getLogger(__name__)

_LOOKED_AT = 8  # batches, to match classes

#: Scores a network: ``validation_dice``, higher is better, and whatever else is recorded.
Score = Callable[[keras.Model], dict[str, float]]
#: Makes samples and score of a stage.
StageData = Callable[[StageOptions], tuple[Samples, Score]]


class Trainer:
    """A training run in a folder.

    The folder holds ``state.h5``, from which a run goes on, ``<stage>.h5``, the
    best weights of each stage, and ``history.csv`` with its plot.

    Parameters
    ----------
    config : TrainingConfig
    folder : Path
        Made when it is missing; a run in it goes on.
    data : callable
        Makes the samples and the score of a stage.
    heads : tuple of int
        Classes of each head of the network.
    on_start : callable, optional
        Called once, when the state was accepted and before the first step.
    on_best : callable, optional
        Called with the stage whose best weights so far were just written.

    Raises
    ------
    InputError
        When the folder's state is damaged or of another network, or the loss is
        no longer finite.
    UsageError
        When the folder cannot be made, or TensorBoard is asked for and not installed.
    """

    def __init__(
        self,
        config: TrainingConfig,
        folder: Path,
        data: StageData,
        heads: tuple[int, ...],
        on_start: Callable[[Progress], None] | None = None,
        on_best: Callable[[StageOptions], None] | None = None,
    ) -> None:
        self.config = config
        self.folder = folder
        self.data = data
        self.heads = heads
        self._on_start = on_start
        self._on_best = on_best
        self.progress = Progress(config.stages[0].name)
        self._tensors: Tensors | None = None
        self._board = Board(folder) if config.tensorboard else None
        make_folder(folder)
        if self._state_file.is_file():
            self.progress, self._tensors = read_state(self._state_file)
            _LOG.info("going on at stage %s, step %d", self.progress.stage, self.progress.step)

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.h5"

    def run(self) -> Path:
        """Train all stages that are left.

        Returns
        -------
        Path
            Weights of the last stage.

        Raises
        ------
        InputError
            When the state is at a stage that the config has not.
        """
        keras.config.set_dtype_policy(self.config.precision)
        names = [stage.name for stage in self.config.stages]
        if self.progress.stage not in names:
            msg = (
                f"{self._state_file}: is at stage {self.progress.stage!r}, the config has "
                f"{', '.join(names)}; use another folder, or that stage's name"
            )
            raise InputError(msg)
        begin = names.index(self.progress.stage)
        for number in range(begin, len(names)):
            stage = self.config.stages[number]
            if number > begin:
                self.progress.stage, self.progress.step = stage.name, 0
            self._run_stage(stage, self.config.stages[number - 1] if number else None)
        return self.folder / f"{names[-1]}.h5"

    def _run_stage(self, stage: StageOptions, previous: StageOptions | None) -> None:
        samples, score = self.data(stage)
        with BatchesAhead(samples, stage.batch_size, stage.steps) as batches:
            learner = self._start(stage, previous, batches)
            if self._on_start is not None:
                self._on_start(self.progress)
                self._on_start = None
            self._train(stage, learner, batches, score)

    def _train(
        self, stage: StageOptions, learner: Learner, batches: BatchesAhead, score: Score
    ) -> None:
        saved = began = time.monotonic()
        before = self.progress.seconds
        losses: list[float] = []
        while self.progress.step < stage.steps and not self._should_stop(stage):
            losses.append(learner.step(*batches.take(self.progress.step), self._rate(stage)))
            self._check(losses[-1])
            self.progress.step += 1
            learner.average.update(self.progress.step)
            now = time.monotonic()
            self.progress.seconds = before + now - began
            ended = self.progress.step % stage.epoch_steps == 0 or self.progress.step == stage.steps
            if ended:
                with learner.average.in_place():
                    self._end_epoch(stage, learner, score, float(np.mean(losses)))
                losses = []
            if ended or now - saved > 60 * self.config.save_minutes:
                write_state(self._state_file, self.progress, learner.tensors())
                saved = time.monotonic()

    def _start(
        self, stage: StageOptions, previous: StageOptions | None, batches: BatchesAhead
    ) -> Learner:
        """Build the stage's network: resumed, or from the stage before, or from nothing."""
        keras.utils.set_random_seed(self.config.seed + self.progress.step)
        network = self.config.stage_network(stage, self.heads)
        model = build_network(network)
        start = self.config.start
        if start is not None and previous is None and self._tensors is None:
            copy_layers(model, start)
            if start.classes == "matched":
                looked_at = min(_LOOKED_AT, stage.steps)
                match_classes(
                    model,
                    source_tensors(start),
                    self.heads,
                    (batches.take(k) for k in range(looked_at)),
                )
        if start is not None and stage.freeze_copied:
            for layer in copied_layers(model, start.reinit_last):
                layer.trainable = False
        if previous is not None and self._tensors is None:
            earlier = self.config.stage_network(previous, self.heads)
            if start is not None and _levels(network) > _levels(earlier):
                copy_what_is_there(model, start)
            _load_shared(model, self.folder / f"{previous.name}.h5", earlier)
            silence_new_levels(model, _levels(earlier), _levels(network))
        if stage.freeze_coarser:
            freeze_coarser_levels(model, _levels(network))
        loss = over_heads(LOSSES[stage.loss], self.heads)
        learner = Learner(model, loss, self.config.average)
        if self._tensors is not None:
            learner.restore(self._tensors)
            self._tensors = None
        return learner

    def _check(self, loss: float) -> None:
        """Stop a run that has diverged, before its state is written."""
        if not math.isfinite(loss):
            msg = (
                f"{self.folder}: the loss became {loss} at step {self.progress.step} of stage "
                f"{self.progress.stage!r}; go on from the saved state with a lower learning_rate"
            )
            raise InputError(msg)

    def _rate(self, stage: StageOptions) -> float:
        first, last = stage.learning_rate, stage.final_learning_rate
        if stage.schedule == "cosine":
            return cosine_rate(self.progress.step, stage.steps, first, last)
        return plateau_rate(
            self.progress.scores(),
            first,
            last,
            factor=stage.plateau_factor,
            patience=stage.plateau_epochs,
        )

    def _should_stop(self, stage: StageOptions) -> bool:
        waited = epochs_without_better(self.progress.scores())
        return stage.early_stop_epochs is not None and waited >= stage.early_stop_epochs

    def _end_epoch(self, stage: StageOptions, learner: Learner, score: Score, loss: float) -> None:
        """Score and record an epoch, and keep its weights when they are the best of the stage."""
        scores = score(learner.trained)
        best = max(self.progress.scores(), default=-1.0)
        row: dict[str, Any] = {
            "stage": stage.name,
            "step": self.progress.step,
            "hours": round(self.progress.seconds / 3600, 4),
            "learning_rate": float(f"{self._rate(stage):.3g}"),
            "loss": round(loss, 5),
            **{name: round(value, 5) for name, value in scores.items()},
        }
        self.progress.history.append(row)
        _LOG.info("%s", row)
        if row.get("validation_dice", math.inf) > best:
            save_weights(learner.model, self.folder / f"{stage.name}.h5")
            if self._on_best is not None:
                self._on_best(stage)
        write_history(self.folder, self.progress.history)
        if self._board is not None:
            self._board.add(row)


def freeze_coarser_levels(model: keras.Model, levels: int) -> None:
    """Make all tensors of every level but the finest untrainable.

    The layer that turns features into classes serves all levels and stays
    trainable.

    Parameters
    ----------
    model : keras.Model
        Not compiled yet.
    levels : int
        That it has.
    """
    coarser = tuple(f"level{index}_" for index in range(levels - 1))
    for layer in model.layers:
        if layer.name.startswith(coarser):
            layer.trainable = False


def silence_new_levels(model: keras.Model, before: int, now: int) -> None:
    """Let levels that are new add nothing at first: the network goes on as it was.

    Features of random kernels would drown what the coarser levels have learned;
    from zero, the kernels that read them learn at once and the others after them.
    """
    for index in range(before, now):
        for variable in model.get_layer(f"level{index}_features").weights:
            variable.assign(keras.ops.zeros(variable.shape))


def _levels(network: NetworkConfig) -> int:
    """Levels of detail; 1 where a network has none."""
    return network.num_levels if isinstance(network, LodBrainConfig) else 1


def _load_shared(model: keras.Model, weights: Path, network: NetworkConfig) -> None:
    """Set the tensors that an earlier stage's network has too, by name; the others stay."""
    shapes = {n: tuple(v.shape) for n, v in named_variables(build_network(network)).items()}
    variables = named_variables(model)
    for name, array in read_tensors(weights, "lodbrain", shapes).items():
        if name in variables:
            variables[name].assign(array)
