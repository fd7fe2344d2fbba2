"""A run learns on every backend, goes on after a kill, and freezes what it says it freezes."""

import csv
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time

import h5py
import keras
import numpy as np
import pytest
import yaml

from lodbrain_cli.errors import InputError
from lodbrain_cli.networks.checkpoint import load_weights, save_weights
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.training.config import TrainingConfig
from lodbrain_cli.training.progressive import Trainer
from lodbrain_cli.training.samples import Sample
from lodbrain_cli.training.state import read_state

from .heads import save_label_map

BACKENDS = [b for b in ("tensorflow", "jax", "torch") if importlib.util.find_spec(b)]
TINY = {
    "name": "tiny",
    "seed": 5,
    "validation_images": 1,
    "network": {"num_levels": 1, "filters": [4, 8], "dropout": 0.0, "l2": 0.0},
    "data": {"label_map": "freesurfer", "held_out": 1},
    "synthesis": {"t1w_share": 1.0, "stripped_share": 0.0, "deformation_strength": 0.1},
    "stages": [
        {
            "name": "coarse",
            "levels": 1,
            "voxel_mm": 8,
            "image_mm": 8,
            "shapes": [[]],
            "steps": 240,
            "epoch_steps": 80,
            "loss": "mixed_dice_cce_5_5",
            "learning_rate": 0.004,
            "final_learning_rate": 0.0002,
            "schedule": "cosine",
        }
    ],
}


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    for seed in range(3):
        save_label_map(folder / f"person{seed}_dseg.nii.gz", seed, skull=False)
    return folder


def command(config, run, maps):
    path = run.parent / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return [
        sys.executable, "-m", "lodbrain_cli", "train", str(path), "-o", str(run), "--data",
        str(maps), "--volume-cache", str(maps / "cache"), "--threads", "1",
    ]  # fmt: skip


def history(run):
    with (run / "history.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_tiny_network_learns_a_phantom_from_nothing(backend, maps, tmp_path):
    run = tmp_path / "run"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        command(TINY, run, maps), env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run / "coarse.h5")
    assert max(float(row["validation_dice"]) for row in history(run)) > 0.9
    assert yaml.safe_load((run / "config.yaml").read_text())["stages"][0]["batch_size"] == 1
    assert (run / "split.tsv").read_text().count("validation\t") == 1


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_like_one_that_was_not(maps, tmp_path):
    run = tmp_path / "run"
    config = {**TINY, "save_minutes": 0.002}
    config["stages"] = [{**TINY["stages"][0], "steps": 90, "epoch_steps": 30}]
    arguments = command(config, run, maps)
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (run / "history.csv").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    before, _ = read_state(run / "state.h5")
    assert 30 <= before.step < 90
    done = subprocess.run([*arguments, "-v"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert f"going on at stage coarse, step {before.step}" in done.stderr
    assert [int(row["step"]) for row in history(run)] == [30, 60, 90]
    assert not list(run.glob(".lodbrain-*"))
    uninterrupted = tmp_path / "uninterrupted"
    subprocess.run(command(config, uninterrupted, maps), check=True, capture_output=True)
    scores = [float(history(folder)[-1]["validation_dice"]) for folder in (run, uninterrupted)]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def two_stages(**fine):
    stage = {**TINY["stages"][0], "steps": 2, "epoch_steps": 1}
    values = {
        **TINY,
        "network": {"num_levels": 2, "filters": [8, 8, 8]},
        "stages": [stage, {**stage, "name": "fine", "levels": 2, **fine}],
    }
    return TrainingConfig(**values)


def one_stage(precision="float32", **changes):
    stage = {**TINY["stages"][0], "steps": 2, "epoch_steps": 1, **changes}
    return TrainingConfig(**{**TINY, "precision": precision, "stages": [stage]})


def noise_data(_stage):
    """Samples of noise, and a score that gets better with every call."""
    calls = iter(range(100))

    def sample(number):
        rng = np.random.default_rng(number)
        labels = np.eye(7, dtype="float32")[rng.integers(0, 7, (1, 16, 16, 16))]
        return Sample(rng.normal(size=(1, 16, 16, 16, 1)).astype("float32"), labels)

    return sample, lambda _model: {"validation_dice": next(calls) / 100}


def tensors(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(
            lambda name, item: found.update({name: item[()]} if hasattr(item, "shape") else {})
        )
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two stages, the coarser level frozen in the second."""
    folder = tmp_path_factory.mktemp("finished")
    assert (
        Trainer(two_stages(freeze_coarser=True), folder, noise_data, (7,)).run()
        == folder / "fine.h5"
    )
    return folder


def test_frozen_tensors_stay_bit_for_bit(finished):
    coarse, fine = tensors(finished / "coarse.h5"), tensors(finished / "fine.h5")
    assert {name.split("_")[0].split("/")[0] for name in fine} == {"level0", "level1", "logits"}
    shared = [name for name in coarse if name.startswith("level0")]
    assert len(shared) > 10
    assert all(np.array_equal(coarse[name], fine[name]) for name in shared)
    assert not np.array_equal(coarse["logits/kernel"], fine["logits/kernel"])  # it serves both


def test_a_new_level_adds_nothing_at_first(tmp_path):
    """Almost without learning, a finer network computes what the coarse one did."""
    config = two_stages(learning_rate=1e-12, final_learning_rate=1e-12)
    Trainer(config, tmp_path, noise_data, (7,)).run()
    coarse, fine = (build_lod_brain(config.stage_network(stage, (7,))) for stage in config.stages)
    load_weights(coarse, tmp_path / "coarse.h5", "lodbrain")
    load_weights(fine, tmp_path / "fine.h5", "lodbrain")
    image = np.random.default_rng(0).normal(size=(1, 32, 32, 32, 1)).astype("f4")
    pooled = image.reshape(1, 16, 2, 16, 2, 16, 2, 1).max((2, 4, 6))
    expected = coarse.predict_on_batch(pooled).repeat(2, 1).repeat(2, 2).repeat(2, 3)
    np.testing.assert_allclose(fine.predict_on_batch(image), expected, atol=1e-5)


def test_a_level_that_a_later_stage_adds_begins_as_the_start_has_it(tmp_path):
    known = build_lod_brain(two_stages().stage_network(two_stages().stages[1], (3,)))
    for variable in known.weights:
        variable.assign(np.full(variable.shape, 0.25, np.float32))
    save_weights(known, tmp_path / "known.h5")
    still = {"learning_rate": 1e-12, "final_learning_rate": 1e-12}
    config = two_stages(**still).model_dump()
    config["start"] = {"weights": str(tmp_path / "known.h5")}  # of three classes, not of seven
    Trainer(TrainingConfig(**config), tmp_path / "run", noise_data, (7,)).run()
    coarse, fine = (tensors(tmp_path / "run" / f"{name}.h5") for name in ("coarse", "fine"))
    added = {n: v for n, v in fine.items() if n.startswith("level1_") and "_features" not in n}
    assert len(added) > 10
    assert all(np.allclose(value, 0.25) for value in added.values())
    assert not np.allclose(fine["level1_features/kernel"], 0.25)  # it adds nothing at first
    # What the stage before learnt is not taken back.
    assert np.allclose(fine["level0_features/kernel"], coarse["level0_features/kernel"])
    assert not np.allclose(fine["level0_features/kernel"], 0.25)


def test_without_freezing_the_coarser_level_goes_on_learning(tmp_path):
    fine = tensors(Trainer(two_stages(), tmp_path, noise_data, (7,)).run())
    coarse = tensors(tmp_path / "coarse.h5")
    assert not any(np.array_equal(coarse[name], fine[name]) for name in coarse)


def test_tensorboard_gets_every_number_of_the_history(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = TrainingConfig(**{**two_stages().model_dump(), "tensorboard": True})
    Trainer(config, tmp_path, noise_data, (7,)).run()
    for stage in ("coarse", "fine"):
        events = EventAccumulator(str(tmp_path / "tensorboard" / stage)).Reload()
        rows = [row for row in history(tmp_path) if row["stage"] == stage]
        assert set(events.Tags()["tensors"]) == set(rows[0]) - {"stage", "step"}
        found = [
            (event.step, float(event.tensor_proto.float_val[0])) for event in events.Tensors("loss")
        ]
        expected = [(int(row["step"]), float(row["loss"])) for row in rows]
        assert [step for step, _ in found] == [step for step, _ in expected]
        np.testing.assert_allclose([v for _, v in found], [v for _, v in expected], rtol=1e-6)


def test_a_finished_run_does_nothing_more(finished):
    before = tensors(finished / "state.h5")
    trainer = Trainer(two_stages(freeze_coarser=True), finished, noise_data, (7,))
    assert trainer.run() == finished / "fine.h5"
    after = tensors(finished / "state.h5")
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert len(trainer.progress.history) == 4


def test_the_best_weights_are_kept_and_waiting_ends_a_stage(tmp_path):
    config = one_stage(steps=50, early_stop_epochs=3)
    scores = iter([0.1, 0.5, 0.2, 0.3, 0.4, 0.9])
    kept = []

    def data(asked):
        sample, _ = noise_data(asked)

        def score(model):
            kept.append({v.path: v.numpy() for v in model.variables})
            return {"validation_dice": next(scores)}

        return sample, score

    trainer = Trainer(config, tmp_path, data, (7,))
    best = tensors(trainer.run())
    assert trainer.progress.step == 5
    assert all(np.array_equal(best[name], kept[1][name]) for name in best)
    assert [row["validation_dice"] for row in history(tmp_path) if row] == [
        "0.1", "0.5", "0.2", "0.3", "0.4"
    ]  # fmt: skip


def test_a_state_of_another_network_or_a_damaged_one_is_refused(finished, tmp_path):
    state = tmp_path / "state.h5"
    shutil.copy(finished / "state.h5", state)
    other = two_stages()
    network = {**other.network, "filters": [8, 8, 16]}
    with pytest.raises(InputError, match="of another network or optimiser"):
        Trainer(other.model_copy(update={"network": network}), tmp_path, noise_data, (7,)).run()
    renamed = other.stages[1].model_copy(update={"name": "other"})
    stages = other.model_copy(update={"stages": [other.stages[0], renamed]})
    with pytest.raises(InputError, match="is at stage 'fine', the config has coarse, other"):
        Trainer(stages, tmp_path, noise_data, (7,)).run()
    state.write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        Trainer(other, tmp_path, noise_data, (7,))


def test_a_run_that_diverges_stops_and_keeps_its_last_good_state(tmp_path):
    config = one_stage(steps=6)

    def data(asked):
        sample, score = noise_data(asked)

        def broken(number):
            made = sample(number)
            return made if number < 3 else Sample(made.image * np.nan, made.target)

        return broken, score

    with pytest.raises(InputError, match=r"became nan at step 3 of stage .*lower learning_rate"):
        Trainer(config, tmp_path, data, (7,)).run()
    progress, kept = read_state(tmp_path / "state.h5")
    assert progress.step <= 3
    assert all(np.isfinite(tensor).all() for tensor in kept.values())


@pytest.fixture
def half_precision():
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("half_precision")
def test_mixed_precision_trains_with_tensors_in_single_precision(tmp_path):
    config = one_stage(precision="mixed_bfloat16")
    found = tensors(Trainer(config, tmp_path, noise_data, (7,)).run())
    assert {array.dtype.name for array in found.values()} == {"float32"}
    assert all(np.isfinite(array).all() for array in found.values())
