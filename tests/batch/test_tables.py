"""Tables hold any file name."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.batch.tables import read_table, write_table
from lodbrain_cli.errors import InputError

# Any bytes that a file name may hold, as Python decodes them.
NAMES = st.binary(min_size=1, max_size=40).map(os.fsdecode).filter(lambda name: "\0" not in name)


@given(names=st.lists(NAMES.filter(lambda name: name != "n/a"), min_size=1, max_size=5))
def test_any_name_comes_back_as_it_was(tmp_path_factory, names):
    path = tmp_path_factory.getbasetemp() / "names.tsv"
    write_table(path, ("number", "name"), [{"number": i, "name": n} for i, n in enumerate(names)])
    rows = read_table(path, ("name",))
    assert [row["name"] for row in rows] == names
    assert len(path.read_bytes().split(b"\n")) == len(names) + 2, "one line per row"


def test_a_table_from_windows_is_read_and_what_is_missing_is_left_out(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_bytes(b"\xef\xbb\xbfinput\toutput\r\na.nii\tn/a\r\nb.nii\t\r\n\r\n")
    assert read_table(path, ("input",)) == [{"input": "a.nii"}, {"input": "b.nii"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "with the columns input"),
        ("path\tage\na\t3\n", "got path, age"),
        ("input\tb\nx\n", "line 2 has 1 cells; expected 2"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        read_table(path, ("input",))
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(Path(tmp_path), ())
