"""A run that was stopped goes on with what it has written."""

import errno
import gzip
from contextlib import suppress
from pathlib import Path

import pytest

from crosszero.continuation import open_lines
from crosszero.errors import ConfigError, CrosszeroError, DataError
from crosszero.experiment.cache import keep_until_done


@pytest.mark.parametrize("name", ["links", "links.gz"])
def test_a_stopped_run_goes_on(tmp_path, name, caplog):
    out = tmp_path / "made" / name

    def work(lines, key="a", fail_at=None):
        with open_lines(out, key) as output:
            for number, line in enumerate(lines):
                if number == fail_at:
                    raise KeyboardInterrupt
                if number >= output.done:
                    output.write([line])
        assert (output.count, output.kept) == (len(lines), len(lines) - lines.count(None))
        return output.done

    with pytest.raises(KeyboardInterrupt):
        work(["one", "two", "three"], fail_at=2)
    assert not out.exists()
    [part] = out.parent.glob(".*.part")
    part.write_bytes(part.read_bytes() + b"half a li")
    assert work(["one", "two", "three"]) == 2
    data = out.read_bytes()
    assert (gzip.decompress(data) if name.endswith(".gz") else data) == b"one\ntwo\nthree\n"
    assert [path.name for path in out.parent.iterdir()] == [name]
    with pytest.raises(KeyboardInterrupt):
        work(["other"] * 3, key="b", fail_at=1)
    link = tmp_path / "link"
    link.symlink_to(out)
    out = link
    assert not caplog.records
    assert work(["one"], key="c") == 0  # other texts or settings
    assert f"{tmp_path / 'made' / name}: a run that was stopped had other texts" in caplog.text
    with pytest.raises(KeyboardInterrupt):
        work(["one", "two"], key=None, fail_at=1)
    assert work(["other", "texts"], key=None) == 0
    assert link.is_symlink()
    assert [path.name for path in (tmp_path / "made").iterdir()] == [name]
    assert {path.name for path in tmp_path.iterdir()} == {"made", "link"}


@pytest.mark.parametrize("name", ["scores", "scores.gz"])
def test_items_without_a_line_are_counted_and_leave_nothing(tmp_path, name, capfdbinary):
    rows = ["", None, "two", None, None, "three"]
    for stop in range(len(rows) + 1):
        out = tmp_path / name
        with suppress(KeyboardInterrupt), open_lines(out, "a") as lines:
            lines.write(rows[:stop])
            raise KeyboardInterrupt
        with open_lines(out, "a") as lines:
            assert (lines.done, lines.kept) == (stop, stop - rows[:stop].count(None))
            lines.write(rows[stop:])
        data = out.read_bytes()
        assert (gzip.decompress(data) if name.endswith(".gz") else data) == b"\ntwo\nthree\n"
        assert [path.name for path in tmp_path.iterdir()] == [name]
        out.unlink()
    with open_lines(Path("-"), None) as lines:
        lines.write(rows)
    assert capfdbinary.readouterr().out == b"\ntwo\nthree\n"


def test_bad_input_leaves_what_was_there(tmp_path):
    out = tmp_path / "links"
    out.write_text("before\n")
    with pytest.raises(DataError), open_lines(out, "a") as lines:
        lines.write(["one"])
        raise DataError("x", "is bad", 2)
    assert out.read_text() == "before\n"
    assert [path.name for path in tmp_path.iterdir()] == ["links"]


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (RuntimeError("CUDA out of memory"), True),
        (CrosszeroError("a machine does not answer"), True),
        (ConfigError("--k 0: is too little"), False),
        (DataError("x", "is bad", 2), False),
    ],
)
def test_an_error_that_goes_away_costs_nothing(tmp_path, error, kept):
    out = tmp_path / "links"

    def fail(key, lines):
        with pytest.raises(type(error)), open_lines(out, key) as output:
            output.write(lines)
            raise error

    fail("a", ["one", "two"])
    assert len(list(tmp_path.iterdir())) == kept
    with open_lines(out, "a") as output:
        assert output.done == (2 if kept else 0)
        output.write(["three"])
    assert out.read_text().splitlines() == ["one", "two", "three"][-output.count :]
    out.unlink()
    fail("a", [])  # nothing to go on with
    fail(None, ["one"])  # nothing can go on with it
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(type(error)), keep_until_done(out) as folder:
        folder.mkdir()
        raise error
    assert folder.exists() == kept
    with keep_until_done(out):
        pass
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_write_one_file(tmp_path):
    out = tmp_path / "links"
    with (
        open_lines(out, "a"),
        pytest.raises(CrosszeroError, match="another process"),
        open_lines(out, "a"),
    ):
        raise AssertionError
