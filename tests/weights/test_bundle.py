"""A bundle carries weights to a machine without network, and hostile ones do no harm."""

import io
import tarfile

import pytest

from lodbrain_cli.errors import WeightsError
from lodbrain_cli.presets import get_preset
from lodbrain_cli.weights import add_file, cache_folder, locate, write_bundle

PRESET = get_preset("lod-brain")


def bundle(path, members: dict[str, bytes]):
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.weights
def test_a_bundle_goes_there_and_back(released_weights, tmp_path):
    entries = [(PRESET, file, released_weights / file.name) for file in PRESET.files]
    write_bundle(entries, tmp_path / "b.tar")
    write_bundle(entries, tmp_path / "again.tar")
    assert (tmp_path / "b.tar").read_bytes() == (tmp_path / "again.tar").read_bytes()
    added = add_file(tmp_path / "b.tar")
    assert [file.name for _, file, _ in added] == ["weights_lv1.h5", "weights_lv0.h5"]
    for file in PRESET.files:
        assert locate(PRESET, file).path == cache_folder() / "lod-brain" / file.name


@pytest.mark.weights
def test_a_single_file_is_known_by_its_content_whatever_its_name(released_weights, tmp_path):
    copy = tmp_path / "download (1).bin"
    copy.write_bytes((released_weights / "weights_lv1.h5").read_bytes())
    ((_, file, path),) = add_file(copy)
    assert file.name == path.name == "weights_lv1.h5"


@pytest.mark.weights
def test_members_never_choose_their_place(released_weights, tmp_path):
    data = (released_weights / "weights_lv0.h5").read_bytes()
    hostile = bundle(tmp_path / "b.tar", {"../../evil.h5": data, "/etc/evil": b"no weights"})
    ((_, file, path),) = add_file(hostile)
    assert path == cache_folder() / "lod-brain" / file.name
    assert not list(tmp_path.rglob("evil*"))


def test_links_in_a_bundle_are_not_followed(tmp_path):
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        entry = tarfile.TarInfo("lod-brain/weights_lv1.h5")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(WeightsError, match="of no known weights"):
        add_file(tmp_path / "b.tar")


def test_unknown_and_missing_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        add_file(tmp_path / "none.h5")
    (tmp_path / "x.h5").write_bytes(b"something else")
    with pytest.raises(WeightsError, match="of no known weights"):
        add_file(tmp_path / "x.h5")
    with pytest.raises(WeightsError, match="of no known weights"):
        add_file(bundle(tmp_path / "b.tar", {"a": b"1", "b": bytes(3_000_000)}))


@pytest.mark.weights
def test_a_bundle_with_a_damaged_member_is_told(released_weights, tmp_path):
    good = (released_weights / "weights_lv0.h5").read_bytes()
    bad = (released_weights / "weights_lv1.h5").read_bytes()[:-1] + b"!"
    path = bundle(tmp_path / "b.tar", {"p/weights_lv0.h5": good, "p/weights_lv1.h5": bad})
    with pytest.raises(WeightsError, match=r"p/weights_lv1\.h5 is damaged"):
        add_file(path)


def test_broken_compression_and_folders_are_told(tmp_path):
    import lzma

    whole = lzma.compress(bundle(tmp_path / "b.tar", {"a": bytes(9000)}).read_bytes())
    (tmp_path / "b.tar.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"damaged bundle|of no known weights"):
        add_file(tmp_path / "b.tar.xz")
    with pytest.raises(WeightsError, match="is a folder"):
        add_file(tmp_path)
