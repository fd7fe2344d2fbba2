"""Pairs are found, people are split, and a wrong pair is named with what is wrong."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import from_matvec

from lodbrain_cli.errors import InputError, UsageError
from lodbrain_cli.labels import LABEL_MAPS, get_label_map, get_label_set
from lodbrain_cli.training import heads, targets, volumes
from lodbrain_cli.training.dataset import Pair, find_pairs, read_table, split_subjects
from lodbrain_cli.training.targets import Target
from lodbrain_cli.training.volumes import VolumeCache, read_head, read_pair

SHAPE = (40, 44, 36)
AFFINE = from_matvec(np.diag([4.0, 4.0, 4.0]), [-80, -88, -72])

TARGETS = (Target(get_label_set("lod-brain-7")),)


def label_image(numbers=(2, 3, 16)):
    data = np.zeros(SHAPE, np.int16)
    for k, number in enumerate(numbers):
        data[10 + 5 * k : 15 + 5 * k, 10:30, 10:25] = number
    return data


def save(path, data, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


@pytest.fixture
def pair(tmp_path, rng):
    labels = save(tmp_path / "a_dseg.nii.gz", label_image())
    image = save(tmp_path / "a_T1w.nii.gz", rng.normal(100, 5, SHAPE).astype("float32"))
    return Pair("a", labels, image, "freesurfer")


def test_a_table_gives_pairs_relative_to_it_or_to_a_folder(tmp_path):
    save(tmp_path / "maps" / "x.nii.gz", label_image())
    table = tmp_path / "t.tsv"
    table.write_text("subject\tlabels\tlabel_map\tset\np1\tmaps/x.nii.gz\tsynthseg\ttrain\n")
    (found,) = read_table(table)
    assert found == Pair("p1", tmp_path / "maps/x.nii.gz", None, "synthseg", "train")
    table.write_text("subject\tlabels\tlabel_map\np1\tx.nii.gz\tsynthseg\n", "utf-8-sig")
    assert read_table(table, tmp_path / "maps")[0].labels == tmp_path / "maps/x.nii.gz"


def test_a_person_may_have_no_labels_of_a_protocol_but_somebody_must(tmp_path):
    save(tmp_path / "x.nii.gz", label_image())
    table = tmp_path / "t.csv"
    header = "subject,labels,label_map,tissues\n"
    table.write_text(f"{header}a,x.nii.gz,muse,x.nii.gz\nb,x.nii.gz,muse,\n")
    first, second = read_table(table, more_columns=["tissues"])
    assert first.labels_in("tissues") == tmp_path / "x.nii.gz"
    assert second.labels_in("tissues") is None
    table.write_text(f"{header}b,x.nii.gz,muse,\n")
    with pytest.raises(UsageError, match="no row has labels in the column 'tissues'"):
        read_table(table, more_columns=["tissues"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject,labels\na,b\n", r"missing \['label_map'\]"),
        ("subject,labels,label_map,age\n", r"unknown \['age'\]"),
        ("subject,labels,label_map\n", "holds no rows"),
        ("subject,labels,label_map\na,none.nii,muse\n", "row 2: .*none.nii does not exist"),
        (
            "subject,labels,label_map\na,none.nii,mine\n",
            r"t\.csv, row 2: .*'mine'; known label maps: freesurfer",
        ),
        ("subject,labels,label_map\n,none.nii,muse\n", "row 2: subject is empty"),
        ("subject,labels,label_map,set\na,t.csv,muse,test\n", "set is 'test'"),
    ],
)
def test_a_wrong_table_is_refused_with_the_row(tmp_path, text, said):
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_table(table)


def test_a_folder_and_bids_derivatives_give_pairs(tmp_path):
    save(tmp_path / "bids/sub-01/anat/sub-01_T1w.nii.gz", label_image())
    save(tmp_path / "bids/sub-01/anat/sub-01_desc-fs_dseg.nii.gz", label_image())
    save(tmp_path / "bids/sub-02/ses-1/anat/sub-02_ses-1_dseg.nii.gz", label_image())
    first, second = find_pairs(tmp_path / "bids", "freesurfer")
    assert (first.subject, first.image.name) == ("sub-01", "sub-01_T1w.nii.gz")
    assert (second.subject, second.image) == ("sub-02", None)
    with pytest.raises(UsageError, match="holds no label maps"):
        find_pairs(tmp_path / "bids" / "sub-01" / "none", "freesurfer")


@pytest.mark.parametrize(
    ("labels", "others", "image"),
    [
        # fMRIPrep: other entities of processing on both sides, of several the nearest
        ("sub-01_desc-aseg_dseg", ["sub-01_desc-preproc_T1w"], "sub-01_desc-preproc_T1w"),
        (
            "sub-01_desc-aseg_dseg",
            ["sub-01_desc-preproc_T1w", "sub-01_space-MNI_desc-preproc_T1w"],
            "sub-01_desc-preproc_T1w",
        ),
        (
            "sub-01_space-MNI_dseg",
            ["sub-01_desc-preproc_T1w", "sub-01_space-MNI_desc-preproc_T1w"],
            "sub-01_space-MNI_desc-preproc_T1w",
        ),
        ("sub-01_seg-fs_dseg", ["sub-01_T1w"], "sub-01_T1w"),
        ("sub-01_dseg", ["sub-01_space-MNI_T1w"], "sub-01_space-MNI_T1w"),
        # other scans
        ("sub-01_space-A_dseg", ["sub-01_space-B_T1w"], None),
        ("sub-01_dseg", ["sub-02_T1w", "sub-01_ses-1_T1w", "sub-01_run-2_T1w"], None),
        ("head1_dseg", ["head1_T1w", "head11_T1w"], "head1_T1w"),
    ],
)
def test_an_image_has_its_label_maps_name_but_for_what_was_made_of_it(
    tmp_path, labels, others, image
):
    for name in (labels, *others):
        (tmp_path / f"{name}.nii.gz").touch()
    (found,) = find_pairs(tmp_path, "freesurfer")
    assert found.image == (image and tmp_path / f"{image}.nii.gz")


def test_an_image_in_the_raw_data_is_found_for_labels_among_the_derivatives(tmp_path):
    for root in (tmp_path, tmp_path / "other"):
        for person, session in (("sub-01", ""), ("sub-02", "ses-1"), ("sub-02", "ses-2")):
            below = f"{person}/{session}/anat".replace("//", "/")
            name = f"{person}_{session}".strip("_")
            (root / below).mkdir(parents=True)
            (root / below / f"{name}_T1w.nii.gz").touch()
            made = root / "derivatives" / "fs" / below
            made.mkdir(parents=True)
            (made / f"{name}_desc-aseg_dseg.nii.gz").touch()
    pairs = find_pairs(tmp_path, "freesurfer")
    assert len(pairs) == 6
    for pair in pairs:
        parts = pair.labels.parts
        raw = [part for part in parts[:-1] if part not in ("derivatives", "fs")]
        name = parts[-1].replace("_desc-aseg_dseg", "_T1w")
        assert pair.image == Path(*raw, name)
    # What lies beside the labels goes first.
    beside = tmp_path / "derivatives/fs/sub-01/anat/sub-01_desc-preproc_T1w.nii.gz"
    beside.touch()
    assert find_pairs(tmp_path, "freesurfer")[0].image == beside


def test_two_images_that_fit_equally_well_are_both_named(tmp_path):
    for name in ("sub-01_dseg", "sub-01_desc-a_T1w", "sub-01_desc-b_T1w"):
        (tmp_path / f"{name}.nii.gz").touch()
    with pytest.raises(UsageError, match=r"both .*desc-a_T1w\.nii\.gz and .*desc-b_T1w"):
        find_pairs(tmp_path, "freesurfer")


def some_pairs(*subjects, sets=()):
    sets = (*sets, *[""] * (len(subjects) - len(sets)))
    return [Pair(s, f"{k}", None, "muse", x) for k, (s, x) in enumerate(zip(subjects, sets))]  # noqa: B905


def test_all_maps_of_a_person_are_on_one_side():
    pairs = some_pairs("a", "b", "c", "a", "d", "b")
    training, validation = split_subjects(pairs, 2, seed=1)
    assert len({p.subject for p in validation}) == 2
    assert not {p.subject for p in validation} & {p.subject for p in training}
    assert len(training) + len(validation) == len(pairs)
    assert split_subjects(pairs, 2, seed=1) == (training, validation)


def test_a_split_that_a_table_decided_stands():
    pairs = some_pairs("a", "b", "a", sets=("validation", "train"))
    training, validation = split_subjects(pairs, 1, seed=0)
    assert [p.subject for p in training] == ["b"]
    assert [p.subject for p in validation] == ["a", "a"]
    with pytest.raises(InputError, match="a is both in train and in validation"):
        split_subjects(some_pairs("a", "a", "b", sets=("train", "validation")), 1, 0)
    with pytest.raises(UsageError, match="nobody is left"):
        split_subjects(some_pairs("a", "b"), 2, 0)


def test_the_seven_classes_come_from_every_protocol():
    for name, numbers in {
        "freesurfer": (1035, 10, 77, 43, 47, 16, 24),
        "synthseg": (17, 60, 25, 136, 8, 16, 515),
        "muse": (100, 23, 44, 51, 38, 35, 46),
        "lod-brain-7": (1, 2, 3, 4, 5, 6, 0),
    }.items():
        assert [get_label_map(name).reduce(n) for n in numbers] == [1, 2, 3, 4, 5, 6, 0]
        assert all(get_label_map(name).knows(n) for n in numbers)


@pytest.mark.parametrize("label_map", LABEL_MAPS.values(), ids=lambda m: m.name)
def test_no_number_has_two_meanings(label_map):
    everything = [*label_map.groups, label_map.ignored]
    assert sum(map(len, everything)) == len(frozenset().union(*everything))


def test_a_pair_is_conformed_together_and_kept(pair, tmp_path):
    cache = VolumeCache(tmp_path / "cache")
    first, again = read_pair(pair, cache, TARGETS), read_pair(pair, cache, TARGETS)
    assert first.image.shape == first.codes.shape == (256, 256, 256)
    assert set(np.unique(first.codes)) == {0, 1, 3, 6}
    inside = first.codes > 0
    assert abs(first.image[inside].mean() - 100) < 2
    np.testing.assert_array_equal(first.codes, again.codes)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_was_kept_under_another_protocol_is_not_taken(pair, tmp_path):
    cache = VolumeCache(tmp_path / "cache")
    save(pair.labels, label_image((2, 3, 4)))
    assert set(np.unique(read_pair(pair, cache, TARGETS).codes)) == {0, 3, 1, 4}
    again = read_pair(replace(pair, label_map="lod-brain-7"), cache, TARGETS)
    assert set(np.unique(again.codes)) == {0, 2, 3, 4}


def test_a_changed_file_is_read_anew(pair, tmp_path):
    cache = VolumeCache(tmp_path / "cache")
    read_head(pair, cache)
    save(pair.labels, label_image((3, 2, 16, 8)))
    assert (read_head(pair, cache).tissues == 8).any()


def test_an_edit_of_the_labels_makes_what_was_kept_anew(pair, tmp_path, monkeypatch):
    cache = VolumeCache(tmp_path / "cache")
    assert 1 in read_pair(pair, cache, TARGETS).codes
    read_head(pair, cache)
    groups = list(get_label_map("freesurfer").groups)
    groups[2], groups[0] = groups[2] | {3}, groups[0] - {3}
    edited = replace(get_label_map("freesurfer"), groups=tuple(groups))
    for module in (volumes, targets):
        monkeypatch.setattr(module, "get_label_map", lambda _name: edited)
    assert 1 not in read_pair(pair, cache, TARGETS).codes
    assert len(list((tmp_path / "cache").iterdir())) == 3
    monkeypatch.setattr(heads, "_SCALP_MM", 9)
    read_head(pair, cache)
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_a_head_is_checked_against_its_protocol_though_it_was_kept_under_another(pair, tmp_path):
    cache = VolumeCache(tmp_path / "cache")
    read_head(pair, cache)
    with pytest.raises(InputError, match="not of the protocol 'lod-brain-7'"):
        read_head(replace(pair, label_map="lod-brain-7"), cache)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_entry_of_the_cache_is_made_again(pair, tmp_path, damage):
    cache = VolumeCache(tmp_path / "cache")
    first = read_head(pair, cache)
    (entry,) = (tmp_path / "cache").iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    np.testing.assert_array_equal(read_head(pair, cache).tissues, first.tissues)
    assert len(entry.read_bytes()) == len(whole)


def test_a_file_that_vanished_is_named_with_its_subject(pair, tmp_path):
    pair.labels.unlink()
    for cache in (VolumeCache(None), VolumeCache(tmp_path / "cache")):
        for read, more in ((read_head, ()), (read_pair, (TARGETS,))):
            with pytest.raises(
                InputError, match=r"subject a: .*a_dseg\.nii\.gz: .*[Nn]o such file"
            ):
                read(pair, cache, *more)


def test_grids_are_compared_in_millimetres_at_their_corners(pair):
    """A small turn is far at a corner; a header's rounding is not."""
    image = label_image().astype("float32")
    turned = AFFINE.copy()
    turned[1, 0] = 0.09  # of 4 mm: no entry of the matrix differs by 0.1
    save(pair.image, image, turned)
    with pytest.raises(InputError, match=r"lie up to 3\.51 mm from those of its image"):
        read_pair(pair, VolumeCache(None), TARGETS)
    rounded = AFFINE.copy()
    rounded[0, 3] += 0.15  # a 27th of a voxel
    save(pair.image, image, rounded)
    assert read_pair(pair, VolumeCache(None), TARGETS).codes.any()


def test_a_wrong_pair_is_named_with_what_is_wrong(pair, tmp_path):
    cache = VolumeCache(None)
    save(pair.image, label_image()[:-1].astype("float32"))
    with pytest.raises(InputError, match=r"subject a: .*has shape \(40, 44, 36\), its image"):
        read_pair(pair, cache, TARGETS)
    save(pair.image, label_image().astype("float32"), from_matvec(np.eye(3) * 4, [0, 0, 0]))
    with pytest.raises(
        InputError, match=r"subject a: .*lie up to 139\.03 mm from those of its image"
    ):
        read_pair(pair, cache, TARGETS)
    save(pair.labels, label_image((2, 3, 9999)))
    with pytest.raises(InputError, match=r"1 label numbers are not of the protocol.*9999"):
        read_head(pair, cache)
    save(pair.labels, label_image((24, 24, 24)))
    with pytest.raises(InputError, match="holds no brain structure"):
        read_head(pair, cache)
    save(pair.labels, label_image().astype("float32") / 2)
    with pytest.raises(InputError, match="no label numbers"):
        read_head(pair, cache)
