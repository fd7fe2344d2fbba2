"""Names of BIDS scans and what is asked of them, for any names."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.batch.bids import Selection, find_t1w, t1w_files
from lodbrain_cli.batch.bids_filters import read_filters, read_labels
from lodbrain_cli.errors import InputError

LABELS = st.text(string.ascii_letters + string.digits + "+", min_size=1, max_size=12)
ENTITIES = ("acq", "ce", "rec", "run", "echo")


@given(labels=st.lists(LABELS, min_size=1, max_size=4), comma=st.booleans())
def test_a_label_is_the_same_with_and_without_its_prefix(labels, comma):
    marked = [f"sub-{label}" for label in labels]
    texts = [",".join(marked)] if comma else marked
    assert read_labels(texts, "sub") == read_labels(labels, "sub") == set(labels)
    assert read_labels([], "sub") is None


@given(
    subject=LABELS,
    session=st.none() | LABELS,
    entities=st.dictionaries(st.sampled_from(ENTITIES), LABELS),
)
def test_any_name_is_read_back_from_the_file(tmp_path_factory, subject, session, entities):
    root = tmp_path_factory.mktemp("bids")
    named = {"sub": subject, **({"ses": session} if session else {}), **entities}
    folders = [f"{k}-{named[k]}" for k in ("sub", "ses") if k in named]
    name = "_".join([*(f"{k}-{v}" for k, v in named.items()), "T1w.nii.gz"])
    path = root.joinpath(*folders, "anat", name)
    path.parent.mkdir(parents=True)
    path.touch()
    (scan,) = find_t1w(root, Selection({subject}, {session} if session else None))
    assert {k: scan.entities[k] for k in named} == named
    assert scan.entities["suffix"] == "T1w"
    for entity, value in entities.items():
        assert Selection(entities=read_filters([f"{entity}={value}"])).takes(scan)
        assert not Selection(entities=read_filters([f"{entity}="])).takes(scan)
    with pytest.raises(InputError, match="no participant sub-absent"):
        find_t1w(root, Selection({"absent"}))


@given(number=st.integers(0, 99), zeros=st.integers(0, 3), other=st.integers(0, 99))
def test_an_index_is_a_number_however_many_zeros_it_has(tmp_path_factory, number, zeros, other):
    root = tmp_path_factory.mktemp("bids")
    (root / "sub-1/anat").mkdir(parents=True)
    (root / f"sub-1/anat/sub-1_run-{'0' * zeros}{number}_T1w.nii").touch()
    (scan,) = find_t1w(root, Selection())
    assert Selection(entities=read_filters([f"run={number}"])).takes(scan)
    assert Selection(entities=read_filters([f"run={other}"])).takes(scan) == (other == number)


def test_of_named_participants_no_other_folder_is_entered(tmp_path):
    for label in ("1", "2"):
        (tmp_path / f"sub-{label}/anat").mkdir(parents=True)
        (tmp_path / f"sub-{label}/anat/sub-{label}_T1w.nii.gz").touch()
    assert [p.name for p in t1w_files(tmp_path, {"2"})] == ["sub-2_T1w.nii.gz"]
    (tmp_path / "sub-1/anat").rename(tmp_path / "sub-1/ses-a")
    (tmp_path / "sub-1/anat").write_text("a file")
    assert [p.name for p in t1w_files(tmp_path)] == ["sub-2_T1w.nii.gz"]
