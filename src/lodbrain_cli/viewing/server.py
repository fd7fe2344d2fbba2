"""A server of one page, for the person at this machine.

It listens on the loopback address alone. Others who use the same machine could reach that
too, so the page stands under a name that cannot be guessed; and a web site that lets its own
name lead to the loopback address (DNS rebinding) is refused by the ``Host`` that it names.
"""

import hmac
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..errors import ResourceError

__all__ = ["LOOPBACK", "PageServer"]

LOOPBACK = "127.0.0.1"
_SECONDS = 30  # for a request to arrive


class PageServer:
    """Serves a page until it is closed; a context.

    Parameters
    ----------
    page : bytes
        HTML, UTF-8.
    policy : str
        Content security policy of the page.
    port : int
        0 takes a free one.

    Raises
    ------
    ResourceError
        When the port cannot be had.
    """

    def __init__(self, page: bytes, policy: str, port: int = 0) -> None:
        self._token = secrets.token_urlsafe(16)
        try:
            self._server = _Server((LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            msg = f"port {port} cannot be used ({error}); name another with --port, or none"
            raise ResourceError(msg) from error
        self._server.page, self._server.policy = page, policy
        self._server.path = f"/{self._token}/"
        bound = self._server.server_port
        self._server.hosts = frozenset({f"{LOOPBACK}:{bound}", f"localhost:{bound}"})

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self._server.server_port}{self._server.path}"

    def __enter__(self) -> "PageServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def serve(self) -> None:
        """Answer requests until :meth:`stop`, or an exception such as Ctrl-C."""
        self._server.serve_forever(poll_interval=0.2)

    def stop(self) -> None:
        """Let :meth:`serve` return; to be called from another thread."""
        self._server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # What another process listens on is not taken from it.
    allow_reuse_address = True
    page = b""
    policy = ""
    path = ""
    hosts: frozenset[str] = frozenset()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "lodbrain", ""

    def do_GET(self) -> None:
        """Give the page, or refuse."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Give the page's headers, or refuse."""
        self._answer(with_body=False)

    def log_message(self, *_: Any) -> None:
        """Keep quiet: requests are nobody's business."""

    def _answer(self, *, with_body: bool) -> None:
        status, body = HTTPStatus.OK, self.server.page
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            status, body = HTTPStatus.MISDIRECTED_REQUEST, b"not for this host\n"
        elif not hmac.compare_digest(self.path.encode(), self.server.path.encode()):
            status, body = HTTPStatus.NOT_FOUND, b"nothing here\n"
        kind = "text/html" if status is HTTPStatus.OK else "text/plain"
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self._policy())
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _policy(self) -> str:
        return f"{self.server.policy}; frame-ancestors 'none'"
