"""Weights are found in the documented order, and only when their hash is right."""

import hashlib
import os
from dataclasses import replace

import pytest

from lodbrain_cli.errors import WeightsError
from lodbrain_cli.presets import WeightsFile, get_preset
from lodbrain_cli.weights import store

CONTENT = b"weights " * 500
FILE = WeightsFile(
    name="tiny.h5",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    num_bytes=len(CONTENT),
    urls=("http://127.0.0.1:9/tiny.h5",),
    layout="lodbrain",
)
PRESET = replace(get_preset("lod-brain"), name="tiny", weights=FILE, coarse_weights=None)


def put(folder, content=CONTENT, name="tiny.h5"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


@pytest.fixture
def places(tmp_path, monkeypatch):
    """One folder per place of the lookup order."""
    monkeypatch.setenv(
        "LODBRAIN_WEIGHTS", os.pathsep.join(map(str, [tmp_path / "w1", tmp_path / "w2"]))
    )
    monkeypatch.setenv("LODBRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "_packaged_folders", lambda: (tmp_path / "package",))
    return [
        tmp_path / "w1",
        tmp_path / "w2" / "tiny",
        tmp_path / "cache" / "tiny",
        tmp_path / "package" / "tiny",
    ]


def test_the_lookup_order_is_given_then_folders_then_cache_then_package(places, tmp_path):
    origins = ["LODBRAIN_WEIGHTS", "LODBRAIN_WEIGHTS", "cache", "packaged"]
    for place, origin in reversed(list(zip(places, origins, strict=True))):
        path = put(place)
        found = store.obtain(PRESET)
        assert (found.path, found.origin, found.released) == (path, origin, True)
    given = put(tmp_path / "mine")
    assert store.obtain(PRESET, given).origin == "given"
    assert store.obtain(PRESET, given.parent).path == given


def test_a_file_with_wrong_content_is_passed_over_and_said(places, caplog):
    put(places[0], CONTENT[:-1] + b"!")
    put(places[1], b"short")
    right = put(places[2])
    with caplog.at_level("WARNING"):
        assert store.obtain(PRESET).path == right
    assert caplog.text.count("not the weights of 'tiny'") == 2


def test_an_unreadable_file_is_passed_over(places, monkeypatch):
    closed, right = put(places[0]), put(places[2])
    real = store.sha256_of

    def denied(path):
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(store, "sha256_of", denied)  # root reads everything
    assert store.obtain(PRESET).path == right
    assert store.status(PRESET, FILE).wrong == (closed,)


def test_offline_and_missing_says_where_to_get_and_put_it(places, monkeypatch):
    put(places[2], b"damaged")
    monkeypatch.setenv("LODBRAIN_OFFLINE", "1")
    with pytest.raises(
        WeightsError, match=r"fetch http.*'lodbrain weights add tiny\.h5'"
    ) as caught:
        store.obtain(PRESET)
    assert caught.value.exit_code == 6
    assert str(places[2] / "tiny.h5") in caught.value.details[0]


def test_weights_of_the_package_are_never_asked_of_the_network(places, tmp_path):
    packaged = replace(PRESET, weights=replace(FILE, urls=()))
    with pytest.raises(WeightsError, match="install lodbrain again") as caught:
        store.obtain(packaged)
    assert not caught.value.details
    broken = put(tmp_path / "package" / "tiny", b"broken")
    with pytest.raises(WeightsError, match="install lodbrain again") as caught:
        store.obtain(packaged)
    assert str(broken) in caught.value.details[0]
    put(tmp_path / "package" / "tiny")
    assert store.obtain(packaged, offline=True).origin == "packaged"


def test_a_named_file_is_used_whatever_it_holds_but_not_called_released(tmp_path):
    path = put(tmp_path, b"my own fine-tuned weights")
    found = store.obtain(PRESET, path)
    assert not found.released
    assert found.sha256 == hashlib.sha256(b"my own fine-tuned weights").hexdigest()


def test_a_named_folder_must_hold_the_released_file(tmp_path):
    put(tmp_path, b"other")
    with pytest.raises(WeightsError, match=r"holds no tiny\.h5 with the SHA-256"):
        store.obtain(PRESET, tmp_path)
    with pytest.raises(WeightsError, match="no such weights file"):
        store.obtain(PRESET, tmp_path / "nothing.h5")


def test_a_read_only_cache_is_used(places, tmp_path):
    path = put(places[2])
    for folder in (path.parent, path.parent.parent):
        folder.chmod(0o555)
    try:
        assert store.obtain(PRESET).path == path
        assert sorted(p.name for p in path.parent.iterdir()) == ["tiny.h5"], "no lock was needed"
    finally:
        for folder in (path.parent, path.parent.parent):
            folder.chmod(0o755)


def test_without_a_home_the_cache_is_temporary(monkeypatch, tmp_path):
    monkeypatch.delenv("LODBRAIN_CACHE")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # no folder can be made in it
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(store.tempfile, "tempdir", None)
    assert store.cache_folder().parent == tmp_path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    assert store.cache_folder() == tmp_path / "home" / "cache" / "lodbrain"


def test_a_user_without_a_name_and_without_home_has_a_temporary_cache(monkeypatch, tmp_path):
    for name in ("LODBRAIN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(store.tempfile, "tempdir", None)
    monkeypatch.setattr("os.getuid", lambda: 54321)  # nobody of this machine
    assert store.cache_folder() == tmp_path / "lodbrain-cache-54321"
