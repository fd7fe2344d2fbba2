"""Downloads against a real HTTP server on loopback: cut, wrong, missing, slow, twice at once."""

import hashlib
import http.server
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from lodbrain_cli.errors import WeightsError
from lodbrain_cli.presets import WeightsFile
from lodbrain_cli.weights.download import download

CONTENT = bytes(range(256)) * 1200


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT, misbehaving by the path; counts what was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/").split("/")[0]
        earlier = self.server.asked.count(name)
        self.server.asked.append(name)
        if name == "missing":
            self.send_error(404)
            return
        if name == "busy-once" and earlier == 0:
            self.send_error(503)
            return
        content = {"wrong": CONTENT[::-1], "longer": CONTENT * 2, "short": CONTENT[:999]}.get(
            name, CONTENT
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut = name == "cut" or (name == "cut-once" and earlier == 0)
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if name == "slow":
            time.sleep(0.5)

    def log_message(self, *_args):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("pooch.core.time.sleep", lambda _s: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def weights(*urls: str) -> WeightsFile:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return WeightsFile("w.h5", digest, len(CONTENT), tuple(urls), "lodbrain")


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_good_answer_is_saved_readable_by_all(server, tmp_path):
    target = tmp_path / "new" / "w.h5"
    download(weights(server.url("good")), target)
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o644
    assert left_in(target.parent) == ["w.h5"]


def test_what_is_there_is_not_asked_for_again(server, tmp_path):
    (tmp_path / "w.h5").write_bytes(CONTENT)
    download(weights(server.url("good")), tmp_path / "w.h5")
    assert server.asked == []


def test_a_damaged_file_is_replaced(server, tmp_path):
    (tmp_path / "w.h5").write_bytes(CONTENT[:-9])
    download(weights(server.url("good")), tmp_path / "w.h5")
    assert (tmp_path / "w.h5").read_bytes() == CONTENT


@pytest.mark.parametrize("fault", ["cut-once", "busy-once"])
def test_a_passing_fault_is_tried_again(server, tmp_path, fault):
    download(weights(server.url(fault)), tmp_path / "w.h5")
    assert (tmp_path / "w.h5").read_bytes() == CONTENT
    assert server.asked == [fault] * 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("cut", "could not be downloaded"),
        ("wrong", r"wrong content \(SHA-256 differs\)"),
        ("longer", "expected 307200 bytes, got more"),
        ("short", "expected 307200 bytes, got 999"),
        ("missing", "HTTP 404"),
    ],
)
def test_a_lasting_fault_is_told_and_leaves_nothing(server, tmp_path, fault, told):
    with pytest.raises(WeightsError, match=told) as caught:
        download(weights(server.url(fault)), tmp_path / "w.h5")
    assert "lodbrain weights add w.h5" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("fault", ["missing", "wrong", "cut"])
def test_the_second_address_is_tried_when_the_first_fails(server, tmp_path, fault):
    download(weights(server.url(fault), server.url("good")), tmp_path / "w.h5")
    assert (tmp_path / "w.h5").read_bytes() == CONTENT
    assert server.asked[-1] == "good"


def test_a_missing_file_is_not_asked_for_again_at_the_same_address(server, tmp_path):
    download(weights(server.url("missing"), server.url("good")), tmp_path / "w.h5")
    assert server.asked == ["missing", "good"]


def test_no_network_is_told_in_one_line(tmp_path):
    with pytest.raises(WeightsError, match=r"no connection.*check the network or proxy") as caught:
        download(weights("http://127.0.0.1:9/w.h5", "http://127.0.0.1:9/x.h5"), tmp_path / "w.h5")
    assert len(caught.value.details) == 2


def test_the_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("http_proxy", server.url("").rstrip("/"))
    download(weights("http://weights.invalid/w.h5"), tmp_path / "w.h5")
    assert server.asked == ["http:"]  # a proxy is asked for the whole address


def test_a_folder_that_cannot_be_made_names_the_setting(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="choose a writable folder with LODBRAIN_CACHE"):
        download(weights(server.url("good")), tmp_path / "file" / "w.h5")


def _fetch(url: str, target: Path) -> None:
    os.environ["NO_PROXY"] = "127.0.0.1"
    download(weights(url), target)


def test_two_processes_at_once_download_once(server, tmp_path):
    context = multiprocessing.get_context("spawn")
    arguments = (server.url("slow"), tmp_path / "w.h5")
    workers = [context.Process(target=_fetch, args=arguments) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [w.exitcode for w in workers] == [0, 0, 0]
    assert server.asked == ["slow"]
    assert (tmp_path / "w.h5").read_bytes() == CONTENT
