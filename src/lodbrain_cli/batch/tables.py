"""Tables as files: tab-separated, whole or not at all, for any file name."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from ..files import replacing

__all__ = ["read_table", "write_table"]

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_CHARACTERS = {escape[1]: character for character, escape in _ESCAPES.items()}
_TO_ESCAPE = str.maketrans(_ESCAPES)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    r"""Write a table; what a row lacks is ``n/a``.

    A backslash, tab, newline or carriage return in a cell is written as ``\\``,
    ``\t``, ``\n`` or ``\r``; a name that is no text keeps its bytes.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    lines = ["\t".join(_cell(column) for column in columns)]
    lines += ["\t".join(_cell(row.get(column)) for column in columns) for row in rows]
    with replacing(path) as temporary:
        temporary.write_bytes("".join(f"{line}\n" for line in lines).encode(*_BYTES))


def read_table(path: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """Read a table; empty cells and ``n/a`` are left out of their rows.

    Parameters
    ----------
    path : Path
    required : sequence of str
        Columns that it must have.

    Raises
    ------
    InputError
        When it cannot be read, lacks a column, or a row has more or fewer cells.
    """
    try:
        text = path.read_bytes().decode(*_BYTES)
    except OSError as error:
        msg = f"{path}: cannot be read as a table ({error.strerror or error})"
        raise InputError(msg) from error
    # Not splitlines(): it would also part names at characters such as U+2028.
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    columns = [_plain(cell) for cell in lines[0].split("\t")]
    missing = [column for column in required if column not in columns]
    if missing:
        msg = (
            f"{path}: expected a tab-separated table with the columns {', '.join(required)}; "
            f"got {', '.join(columns)[:200]}"
        )
        raise InputError(msg)
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != len(columns):
            msg = f"{path}: line {number} has {len(cells)} cells; expected {len(columns)}"
            raise InputError(msg)
        pairs = zip(columns, cells, strict=True)
        rows.append({column: _plain(cell) for column, cell in pairs if cell not in ("", "n/a")})
    return rows


_BYTES = ("utf-8", "surrogateescape")


def _cell(value: object) -> str:
    return "n/a" if value is None or value == "" else str(value).translate(_TO_ESCAPE)


def _plain(cell: str) -> str:
    if "\\" not in cell:
        return cell
    pieces, rest = [], iter(cell)
    for character in rest:
        if character == "\\":
            following = next(rest, "")
            pieces.append(_CHARACTERS.get(following, "\\" + following))
        else:
            pieces.append(character)
    return "".join(pieces)
