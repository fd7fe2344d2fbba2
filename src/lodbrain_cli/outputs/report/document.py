"""A page as one file: text escaped, nothing loaded from anywhere, no script but its own."""

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ...errors import UsageError

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["check_installed", "content_security_policy", "render"]


def check_installed() -> None:
    """Refuse before any work when pages cannot be made.

    Raises
    ------
    UsageError
        When the extra ``report`` is not installed.
    """
    try:
        import jinja2  # noqa: F401
        import PIL  # noqa: F401
    except ImportError as error:
        msg = (
            f"reports need the package {error.name}; install it with: "
            "pip install 'lodbrain[report]'"
        )
        raise UsageError(msg) from error


def render(template: str, script: str, values: Mapping[str, Any]) -> bytes:
    r"""Fill a template.

    Parameters
    ----------
    template, script : str
        Names of files beside this one.
    values : mapping
        All text in it is escaped, whatever it is.

    Returns
    -------
    bytes
        HTML, UTF-8. Bytes of file names that are no text are written as ``\udcXX``.
    """
    code = _file(script)
    style = _file("report.css")
    page = (
        _environment()
        .get_template(template)
        .render(policy=content_security_policy(script), script=code, style=style, **values)
    )
    return page.encode("utf-8", "backslashreplace")


def content_security_policy(script: str) -> str:
    """Let a page run one script of ours and what is inside the page, and load nothing.

    ``blob:`` is NiiVue, unpacked from the page itself; a blob's address holds within the
    page alone. Its font comes as ``data:``.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(_file(script))}' blob:",
            f"style-src '{_hash(_file('report.css'))}'",
            "img-src data: blob:",
            "connect-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


@lru_cache
def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    check_installed()
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
