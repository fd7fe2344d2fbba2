"""Which prediction finds which reference."""

import pytest

from lodbrain_cli.errors import InputError, UsageError
from lodbrain_cli.evaluation.pairs import LabelPair, pair_files


def folder(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(pairing):
    return [pair.name for pair in pairing.pairs]


def test_two_files_are_a_pair_whatever_they_are_called(tmp_path):
    folder(tmp_path, "mine.nii.gz", "aparc+aseg.mgz")
    files = (tmp_path / "mine.nii.gz", tmp_path / "aparc+aseg.mgz")
    assert pair_files(*files).pairs == (LabelPair("mine", *files),)
    with pytest.raises(UsageError, match="two files were given"):
        pair_files(*files, prediction_pattern="*")


def test_bids_derivatives_are_matched_by_subject_session_and_run(tmp_path):
    ours = folder(
        tmp_path / "a",
        "dataset_description.json",
        "sub-01/ses-1/anat/sub-01_ses-1_run-01_seg-lodbrain_dseg.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_run-01_seg-lodbrain_dseg.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_run-01_desc-brain_mask.nii.gz",
        "sub-02/anat/sub-02_seg-lodbrain_dseg.nii.gz",
    )
    theirs = folder(
        tmp_path / "b",
        "sub-01/ses-1/anat/sub-01_ses-1_run-1_desc-manual_dseg.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_run-2_desc-manual_dseg.nii.gz",
        "sub-02/anat/sub-02_dseg.nii.gz",
        "sub-03/anat/sub-03_dseg.nii.gz",
    )
    found = pair_files(ours, theirs)
    assert names(found) == ["sub-01_ses-1_run-1", "sub-02"]
    assert [p.name for p in found.lone_predictions] == [
        "sub-01_ses-2_run-01_seg-lodbrain_dseg.nii.gz"
    ]
    assert [p.name for p in found.lone_references] == [
        "sub-01_ses-2_run-2_desc-manual_dseg.nii.gz",
        "sub-03_dseg.nii.gz",
    ]


def test_a_subject_named_by_its_folder_alone_is_found(tmp_path):
    ours = folder(tmp_path / "a", "sub-01_dseg.nii.gz", "sub-02_dseg.nii.gz")
    theirs = folder(
        tmp_path / "b",
        *[f"sub-0{n}/mri/{name}.mgz" for n in (1, 2) for name in ("T1", "aseg", "aparc+aseg")],
    )
    found = pair_files(ours, theirs, reference_pattern="aparc+aseg.mgz")
    assert names(found) == ["sub-01", "sub-02"]
    assert {pair.reference.name for pair in found.pairs} == {"aparc+aseg.mgz"}


def test_several_files_of_one_subject_are_ambiguous_and_stop_no_other(tmp_path):
    ours = folder(tmp_path / "a", "sub-01_dseg.nii.gz", "sub-02_dseg.nii.gz")
    theirs = folder(
        tmp_path / "b", "sub-01_desc-a_dseg.nii", "sub-01_desc-b_dseg.nii", "sub-02_dseg.nii"
    )
    found = pair_files(ours, theirs)
    assert names(found) == ["sub-02"]
    assert len(found.ambiguous["sub-01"]) == 3
    chosen = pair_files(ours, theirs, reference_pattern="*desc-b*")
    assert names(chosen) == ["sub-01"]


def test_other_names_are_matched_by_what_is_left_without_their_endings(tmp_path):
    ours = folder(tmp_path / "a", "x/head1_seg-lodbrain_dseg.nii.gz", "head2_seg-lodbrain_dseg.nii")
    theirs = folder(tmp_path / "b", "x/head1_labels.nii.gz", "head2_labels.mgz", "head2_T1w.mgz")
    assert names(pair_files(ours, theirs)) == ["head2", "x/head1"]
    same = folder(tmp_path / "c", "case1.nii.gz", "case2.nii.gz")
    others = folder(tmp_path / "d", "case1.nii.gz", "case2.nii.gz", ".case3.nii.gz")
    assert names(pair_files(same, others)) == ["case1", "case2"]


def test_a_patterns_stars_are_what_must_be_equal(tmp_path):
    ours = folder(tmp_path / "a", "IXI1-HH_T1_seg-lodbrain_dseg.nii.gz")
    theirs = folder(tmp_path / "b", "IXI1-HH_T1.nii.gz", "IXI1-HH_T1_DLMUSE.nii.gz")
    found = pair_files(ours, theirs, "*_T1_seg-lodbrain_dseg.nii.gz", "*_T1_DLMUSE.nii.gz")
    assert names(found) == ["IXI1-HH"]
    bert = folder(tmp_path / "c", "bert/mri/aseg.mgz", "ernie/mri/aseg.mgz", "bert/aseg.mgz")
    mine = folder(tmp_path / "d", "bert_dseg.nii.gz")
    assert names(pair_files(mine, bert, reference_pattern="*/mri/aseg.mgz")) == ["bert"]


def test_what_cannot_be_matched_is_said(tmp_path):
    ours = folder(tmp_path / "a", "sub-01_dseg.nii.gz")
    theirs = folder(tmp_path / "b", "sub-02_dseg.nii.gz")
    with pytest.raises(InputError, match=r"such as 'sub-01' and 1 references such as 'sub-02'"):
        pair_files(ours, theirs)
    with pytest.raises(UsageError, match="two files or two folders"):
        pair_files(ours, theirs / "sub-02_dseg.nii.gz")
    with pytest.raises(InputError, match="no such file"):
        pair_files(ours, tmp_path / "none")
    with pytest.raises(InputError, match=r"no label image named \*x\*"):
        pair_files(ours, theirs, reference_pattern="*x*")
