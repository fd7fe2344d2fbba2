"""Ages of people, as datasets write them."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.batch.ages import OLDEST, Ages, read_age
from lodbrain_cli.batch.settings import Settings
from lodbrain_cli.batch.worklist import plan_folder
from lodbrain_cli.segmentation import ScanOptions


def table(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in rows))


@given(st.floats(0, OLDEST), st.booleans())
def test_any_age_is_read_back_also_that_of_the_oldest(age, or_more):
    assert read_age(f" {age!r}{'+' if or_more else ''} ") == age


@given(st.one_of(st.text(max_size=5), st.floats(max_value=-0.1).map(str), st.just("inf")))
def test_what_is_no_age_is_none(text):
    age = read_age(text)
    assert age is None or 0 <= age <= OLDEST


def test_the_age_at_a_session_goes_before_that_of_the_participant(tmp_path, caplog):
    table(
        tmp_path / "participants.tsv",
        ("participant_id", "sex", "age"),
        ("sub-01", "F", "31"), ("sub-02", "M", "n/a"), ("sub-03", "F", "old"), ("04", "F", "89+"),
    )  # fmt: skip
    table(
        tmp_path / "sub-01/sub-01_sessions.tsv",
        ("session_id", "age"), ("ses-pre", "31.5"), ("ses-post", "n/a"),
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        ages = Ages(tmp_path)
    assert ages.of("sub-01_ses-pre_run-1_T1w.nii.gz") == 31.5
    assert ages.of("sub-01_ses-post_T1w.nii.gz") == 31
    assert ages.of("sub-01_T1w.nii.gz") == 31
    assert ages.of("sub-04_T1w.nii.gz") == 89
    assert [ages.of(f"{name}_T1w.nii.gz") for name in ("sub-02", "sub-03", "x")] == [None] * 3
    assert "'old' of sub-03" in caplog.text


def test_scans_of_a_folder_have_the_ages_of_its_tables_unless_one_is_given(tmp_path):
    study = tmp_path / "study"
    table(study / "participants.tsv", ("participant_id", "age"), ("sub-01", "7"))
    for name in ("sub-01", "sub-02"):
        (study / name / "anat").mkdir(parents=True)
        (study / name / "anat" / f"{name}_T1w.nii.gz").touch()
    apart = study / "sub-01/anat/sub-01_T1w.nii.gz"

    def ages(age, *inputs):
        settings = Settings("lod-brain", "fine", "0" * 64, scan=ScanOptions(age=age))
        jobs = plan_folder(inputs, tmp_path / "out", {}, settings)
        return [job.settings.scan.age for job in jobs]

    assert ages(None, study) == [7, None]
    assert ages(12.0, study) == [12, 12]
    assert ages(None, apart) == [None], "a file by itself has no dataset"


@pytest.mark.parametrize(
    ("units", "age"),
    [("years", 36), ("month", 3), ("Weeks", pytest.approx(0.69, abs=0.001)), ("furlongs", None)],
)
def test_the_unit_beside_the_table_counts(tmp_path, units, age):
    table(tmp_path / "participants.tsv", ("participant_id", "age"), ("sub-01", "36"))
    (tmp_path / "participants.json").write_text(json.dumps({"age": {"Units": units}}))
    assert Ages(tmp_path).of("sub-01_T1w.nii") == age


@pytest.mark.parametrize("text", ["", "sub-01\n", "participant_id\tage\nsub-01\n", "\0\xff"])
def test_a_table_that_cannot_be_read_says_nothing_of_ages(tmp_path, text):
    (tmp_path / "participants.tsv").write_text(text)
    (tmp_path / "participants.json").write_text("[")
    assert Ages(tmp_path).of("sub-01_T1w.nii.gz") is None


def test_a_dataset_without_tables_knows_no_ages(tmp_path):
    assert Ages(tmp_path / "none").of("sub-01_ses-1_T1w.nii.gz") is None
