"""The server of one page: for this machine, this host and this address alone."""

import http.client
import socket
import threading

import pytest

from lodbrain_cli.errors import ResourceError
from lodbrain_cli.viewing.server import LOOPBACK, PageServer

PAGE = "<p>ü</p>".encode()


@pytest.fixture
def server():
    with PageServer(PAGE, "default-src 'none'") as running:
        thread = threading.Thread(target=running.serve)
        thread.start()
        yield running
        running.stop()
        thread.join(10)


def place(server) -> tuple[int, str]:
    host, path = server.address.removeprefix("http://").split("/", 1)
    return int(host.split(":")[1]), f"/{path}"


def ask(server, path=None, host=None, method="GET"):
    port, right = place(server)
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    connection.request(
        method, right if path is None else path, headers={"Host": host} if host else {}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_its_page_is_served_with_headers_that_lock_it(server):
    answer, body = ask(server)
    assert (answer.status, body) == (200, PAGE)
    assert answer.getheader("Content-Security-Policy") == (
        "default-src 'none'; frame-ancestors 'none'"
    )
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Cache-Control") == "no-store"
    answer, body = ask(server, method="HEAD")
    assert (answer.status, body) == (200, b"")


def test_localhost_is_the_same_machine(server):
    assert ask(server, host=f"localhost:{place(server)[0]}")[0].status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1"]
)
def test_another_host_is_refused(server, host):
    answer, body = ask(server, host=host.format(port=place(server)[0]))
    assert answer.status == 421
    assert PAGE not in body


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/../../etc/passwd", "{right}x", "{right}%00", "/%C3%BC"]
)
def test_nothing_else_is_served(server, path):
    _, right = place(server)
    answer, body = ask(server, path.format(right=right))
    assert answer.status == 404
    assert body == b"nothing here\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_taken(server, method):
    assert ask(server, method=method)[0].status == 501


def test_it_listens_on_the_loopback_address_alone(server):
    assert server._server.socket.getsockname()[0] == "127.0.0.1"


def test_a_port_in_use_is_told(server):
    port = place(server)[0]
    with pytest.raises(ResourceError, match=f"port {port} cannot be used.*--port"):
        PageServer(PAGE, "", port)


def test_two_pages_have_different_addresses():
    with PageServer(PAGE, "") as first, PageServer(PAGE, "") as second:
        assert first.address.split("/")[3] != second.address.split("/")[3]
        assert len(first.address.split("/")[3]) > 20


def test_a_browser_that_hangs_up_leaves_the_server_running(server):
    port, path = place(server)
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.sendall(f"GET {path}".encode())
    assert ask(server)[0].status == 200
