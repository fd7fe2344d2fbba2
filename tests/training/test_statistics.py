"""A network that is trained on images normalised by voxel carries what they are normalised by."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops

from lodbrain_cli.batch.statistics import dataset_statistics
from lodbrain_cli.cli.main import cli
from lodbrain_cli.errors import InputError, UsageError, WeightsError
from lodbrain_cli.imaging.conform import to_conformed
from lodbrain_cli.imaging.intensity import z_score
from lodbrain_cli.imaging.nifti import read_t1w
from lodbrain_cli.imaging.normalisation import Normalisation, VoxelStatistics
from lodbrain_cli.imaging.resample import max_pooled
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.networks.build import build_network
from lodbrain_cli.networks.checkpoint import load_weights
from lodbrain_cli.presets import MODEL_FILE, find_preset
from lodbrain_cli.segmentation import ScanOptions, Segmenter
from lodbrain_cli.segmentation.extraction import extract_brain
from lodbrain_cli.segmentation.loading import load_network
from lodbrain_cli.training.augmentation import AugmentationOdds
from lodbrain_cli.training.finetune import FinetuneOptions, finetune
from lodbrain_cli.training.real_samples import AugmentedSamples, untouched_sample
from lodbrain_cli.training.samples import SampleGrid
from lodbrain_cli.training.targets import Coding, Target
from lodbrain_cli.training.volumes import ConformedPair

from .runs import BACKEND, NETWORKS, STAGE, TWO, trained

PEOPLE = ("ann", "bob")


@pytest.fixture(scope="module")
def stats(folder):
    """Name of the folder with the statistics of the two people."""
    scans = [folder / f"{person}_T1w.nii.gz" for person in PEOPLE]
    dataset_statistics(scans, folder / "stats")
    return "stats"


def data(stats):
    return {"table": "pairs.tsv", "targets": TWO, "statistics": stats}


@pytest.fixture(scope="module")
def by_voxel(folder, stats):
    return trained(folder, "by-voxel", TWO, network=NETWORKS["lod-brain"], data=data(stats))


def expected_input(scan, stats):
    """What the network computes on, in the words of the definition."""
    read = read_t1w(scan)
    image = to_conformed(read.data, read.affine)[0]
    if json.loads((stats / "stats.json").read_text())["z_scored"]:
        image = z_score(image)
    mean, std = (np.asarray(nib.load(stats / f"{name}.nii.gz").dataobj) for name in ("mean", "std"))
    return (image - mean) / np.where(std <= 1e-6 * np.abs(mean).max(), np.float32(1), std)


def test_the_preset_names_its_statistics_and_they_lie_beside_the_weights(by_voxel, folder, stats):
    preset = find_preset(str(by_voxel))
    assert preset.normalisation == "z_score_voxel"
    assert preset.statistics.count == 2
    assert preset.statistics.z_scored
    for name in ("mean.nii.gz", "std.nii.gz"):
        assert (by_voxel / name).read_bytes() == (folder / stats / name).read_bytes()


def test_segment_computes_on_what_training_saw(by_voxel, folder, stats):
    scan = folder / "bob_T1w.nii.gz"
    segmenter = Segmenter(str(by_voxel))
    for space in ("native", "conformed"):
        case = segmenter.prepare(scan, ScanOptions(space=space, postprocess=False))
        pooled = max_pooled(expected_input(scan, folder / stats), 4)
        np.testing.assert_array_equal(case.image, pooled)
    segmenter.compute(case)
    preset = find_preset(str(by_voxel))
    model = build_network(preset.network)
    load_weights(model, by_voxel / "all.h5", "lodbrain")
    answer = np.moveaxis(model.predict(pooled[None, ..., None], verbose=0)[0], -1, 0)
    np.testing.assert_allclose(case.prediction.maps.array(), answer, atol=2e-3)
    record = segmenter.finish(case).record
    assert record["normalisation"] == "z_score_voxel"
    assert record["statistics"]["mean"] == preset.statistics.mean.sha256


def test_extract_does_so_too(by_voxel, folder, stats, monkeypatch):
    loaded = load_network(str(by_voxel), "fine")
    scan, seen = folder / "ann_T1w.nii.gz", []
    real = loaded.engine.predict
    monkeypatch.setattr(loaded.engine, "predict", lambda i, **o: seen.append(i) or real(i, **o))
    extract_brain(loaded, scan)
    np.testing.assert_array_equal(seen[0], max_pooled(expected_input(scan, folder / stats), 4))


def test_raw_statistics_take_raw_intensities(folder):
    scans = [folder / f"{person}_T1w.nii.gz" for person in PEOPLE]
    dataset_statistics(scans, folder / "raw", raw=True)
    run = trained(folder, "by-raw", TWO, network=NETWORKS["lod-brain"], data=data("raw"))
    assert not find_preset(str(run)).statistics.z_scored
    case = Segmenter(str(run)).prepare(scans[0])
    np.testing.assert_array_equal(
        case.image, max_pooled(expected_input(scans[0], folder / "raw"), 4)
    )


@pytest.mark.parametrize("name", ["mean.nii.gz", "std.nii.gz"])
def test_a_missing_or_changed_volume_is_refused_in_one_line(by_voxel, folder, tmp_path, name):
    run = shutil.copytree(by_voxel, tmp_path / "run")
    other = "std.nii.gz" if name.startswith("mean") else "mean.nii.gz"
    shutil.copyfile(run / other, run / name)
    with pytest.raises(WeightsError, match=rf"{name}: not the volume that belongs here"):
        Segmenter(str(run))
    (run / name).unlink()
    done = CliRunner().invoke(
        cli, ["segment", str(folder / "bob_T1w.nii.gz"), "-o", str(tmp_path / "s.nii.gz"),
              "--preset", str(run)]
    )  # fmt: skip
    assert done.exit_code == WeightsError.exit_code
    assert done.stderr.count("\n") == 1
    assert f"{run / name}: this volume of the data set's statistics cannot be read" in done.stderr
    with pytest.raises(WeightsError, match=name):
        load_network(str(run), "fine")


@pytest.mark.parametrize(
    "change",
    [
        {"statistics": None},
        {"normalisation": "z_score_volume"},
        {"sees": "brain", "finder": "lod-brain-synth"},
        {"statistics": {"mean": "x"}},
    ],
)
def test_a_model_file_whose_normalisation_cannot_be_is_refused(by_voxel, tmp_path, change):
    plain = json.loads((by_voxel / MODEL_FILE).read_text())
    (tmp_path / MODEL_FILE).write_text(json.dumps({**plain, **change}))
    with pytest.raises(UsageError, match="damaged"):
        find_preset(str(tmp_path))


def test_fine_tuning_goes_on_with_the_sources_statistics(by_voxel, folder, tmp_path):
    options = FinetuneOptions(
        str(by_voxel), str(folder / "two.tsv"), warmup_epochs=0, epochs=1, held_out=1
    )
    run = tmp_path / "tuned"
    finetune(folder / "pairs.tsv", run, options, backend=BACKEND)
    source, tuned = find_preset(str(by_voxel)), find_preset(str(run))
    assert tuned.statistics == source.statistics
    assert Segmenter(str(run)).loaded.normalisation.statistics is not None


def test_a_network_of_whole_heads_at_1_mm_is_no_source(by_voxel, folder, tmp_path):
    plain = json.loads((by_voxel / MODEL_FILE).read_text())
    (tmp_path / MODEL_FILE).write_text(json.dumps({**plain, "pool": 1}))
    options = FinetuneOptions(str(tmp_path), str(folder / "two.tsv"))
    with pytest.raises(UsageError, match="the whole head at 1 mm, normalised by voxel"):
        finetune(folder / "pairs.tsv", tmp_path / "tuned", options, backend=BACKEND)


def test_a_run_goes_on_with_the_same_statistics_alone(by_voxel, folder, stats):
    network = NETWORKS["lod-brain"]
    run = by_voxel.name
    before = (by_voxel / "all.h5").read_bytes()
    for other in (None, "stats-other"):
        if other:
            scans = [folder / f"{person}_half.nii.gz" for person in PEOPLE]
            dataset_statistics(scans, folder / other, overwrite=True)
        changed = {k: v for k, v in data(other).items() if v is not None}
        with pytest.raises(UsageError, match="not those by which the run"):
            trained(folder, run, TWO, network=network, data=changed)
    trained(folder, run, TWO, network=network, data=data(stats))
    assert (by_voxel / "all.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"stages": [{**STAGE, "sees": "brain", "shapes": [[16, 16, 16]]}]},
            r"data\.statistics: are of whole heads, but stage all has sees: brain",
        ),
        ({"data": data("nowhere")}, r"nowhere: holds no stats\.json"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(folder, stats, changes, reason):
    options = {"network": NETWORKS["lod-brain"], "data": data(stats), **changes}
    with pytest.raises((UsageError, InputError), match=reason):
        trained(folder, "refused", TWO, **options)
    assert not (folder / "refused").exists()


def test_label_maps_without_an_image_are_refused_by_name(folder, stats):
    rows = [line.rsplit("\t", 1)[0] for line in (folder / "pairs.tsv").read_text().splitlines()]
    (folder / "maps.tsv").write_text("\n".join(rows) + "\n")
    options = {**data(stats), "table": "maps.tsv"}
    with pytest.raises(UsageError, match=r"data\.statistics: subject ann has no image"):
        trained(folder, "painted", TWO, network=NETWORKS["lod-brain"], data=options)


SEVEN = Coding(np.arange(7, dtype=np.uint8)[:, None], (7,))
TARGETS = (Target(get_label_set("lod-brain-7")),)


@pytest.fixture
def pair(rng):
    labels = np.zeros((32, 32, 32), np.uint8)
    labels[10:20, 8:18, 12:22] = 3
    return ConformedPair((labels * 9 + rng.normal(size=labels.shape)).astype("f4"), labels, SEVEN)


@pytest.fixture
def normalisation(rng, pair):
    shape = pair.image.shape
    mean = rng.normal(size=shape).astype(np.float32)
    divisor = rng.uniform(0.5, 2, shape).astype(np.float32)
    return Normalisation(VoxelStatistics(mean, divisor, z_scored=True))


def image_of(sample):
    return np.asarray(ops.convert_to_numpy(sample.image))[0, ..., 0]


def drawn(pair, odds, normalisation):
    grid = SampleGrid(1.0, 1, ((16, 20, 16),))
    return AugmentedSamples([lambda: pair], grid, odds, TARGETS, (1,), normalisation)(0)


def test_a_part_meets_the_statistics_of_where_it_lies(pair, normalisation):
    box = (slice(4, 20), slice(8, 24), slice(12, 28))
    sample = untouched_sample(pair, box, SampleGrid(1.0, 1, ((16, 16, 16),)), normalisation)
    np.testing.assert_allclose(image_of(sample), normalisation(pair.image)[box], atol=1e-4)
    # Drawn at random: the same place as without statistics, which says where it lies.
    still = AugmentationOdds(overall=0.0)
    plain = image_of(drawn(pair, still, None))
    found = image_of(drawn(pair, still, normalisation))
    whole = Normalisation()(pair.image)
    places = [
        tuple(slice(o, o + n) for o, n in zip(origin, plain.shape, strict=True))
        for origin in np.ndindex(17, 13, 17)
    ]
    (place,) = [p for p in places if np.allclose(whole[p], plain, atol=1e-4)]
    np.testing.assert_allclose(found, normalisation(pair.image)[place], atol=1e-4)


def test_voxels_move_before_and_intensities_change_after(pair, normalisation):
    grid, scored = SampleGrid(1.0, 1, (pair.image.shape,)), Normalisation()(pair.image)

    def seen(odds, how):
        return image_of(AugmentedSamples([lambda: pair], grid, odds, TARGETS, (1,), how)(0))

    flips = AugmentationOdds(1.0, 1.0, 0.0, 0.0, 0.0)
    moved = normalisation.by_voxel(np.ascontiguousarray(scored[::-1]))
    np.testing.assert_allclose(seen(flips, normalisation), moved, atol=1e-4)
    still, brightened = AugmentationOdds(overall=0.0), AugmentationOdds(1.0, 0.0, 1.0, 0.0, 0.0)
    fields = [seen(brightened, how) - seen(still, how) for how in (None, normalisation)]
    np.testing.assert_allclose(*fields, atol=1e-4)  # not divided by anything
    assert np.abs(fields[0]).max() > 0.01
