"""A file appears whole or not at all."""

import os
import subprocess
import sys

import pytest

from lodbrain_cli.errors import OutputError, UsageError
from lodbrain_cli.files import (
    check_writable,
    make_folder,
    remove_left_behind,
    replacing,
    write_text,
)


def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.nii.gz"
    target.write_text("old")

    def fail_half_way():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_temporary_name_keeps_the_extension(tmp_path):
    with replacing(tmp_path / "a.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        assert temporary.parent == tmp_path
        temporary.write_text("x")


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_leaves_nothing(tiny_disk):
    write_text(tiny_disk / "old.tsv", "old")
    with pytest.raises(OutputError, match=r"old\.tsv: could not be written .*free some space"):
        write_text(tiny_disk / "old.tsv", "x" * 200_000)
    assert [p.name for p in tiny_disk.iterdir()] == ["old.tsv"]
    assert (tiny_disk / "old.tsv").read_text() == "old"


def test_what_a_killed_process_left_behind_is_removed_and_nothing_else(tmp_path):
    code = (
        "import os, pathlib, sys; from lodbrain_cli.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), 9)"
    )
    for name in ("state.h5", "seg.nii.gz", "noextension"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)])
    assert len(list(tmp_path.iterdir())) == 3
    others = [tmp_path / "a.part", tmp_path / ".lodbrain-notes.part.txt", tmp_path / "state.h5"]
    for path in others:
        path.touch()
    (tmp_path / "below").mkdir()
    kept = tmp_path / "below" / ".lodbrain-host-1-01234567.part.h5"
    kept.touch()
    remove_left_behind(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*others, kept.parent])
    assert kept.exists()


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "afile").touch()
    with pytest.raises(UsageError, match=r"afile: the folder cannot be made \(is a file\)"):
        make_folder(tmp_path / "afile")
    with pytest.raises(UsageError, match=r"run: the folder cannot be made \(Not a directory\)"):
        make_folder(tmp_path / "afile" / "run")
    make_folder(tmp_path / "new" / "deep")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(UsageError, match="deep: the folder is not readable and writable"):
        make_folder(tmp_path / "new" / "deep")


def test_a_missing_folder_is_refused_unless_it_can_be_made(tmp_path):
    target = tmp_path / "new" / "deep" / "a.nii"
    with pytest.raises(UsageError, match="does not exist; create it first"):
        check_writable(target, overwrite=False)
    check_writable(target, overwrite=False, make_folders=True)


def test_an_existing_file_is_refused_unless_it_may_be_replaced(tmp_path):
    (tmp_path / "a.nii").touch()
    with pytest.raises(UsageError, match="exists already; use --overwrite"):
        check_writable(tmp_path / "a.nii", overwrite=False)
    check_writable(tmp_path / "a.nii", overwrite=True)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "a.nii").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_writable(tmp_path / "a.nii", overwrite=True)


def test_a_folder_that_is_not_writable_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(UsageError, match="is not writable"):
        check_writable(tmp_path / "a.nii", overwrite=True)
