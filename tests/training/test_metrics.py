"""metrics.jsonl as it is read: whole, torn, damaged, and as older runs wrote it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from crosszero.errors import DataError
from crosszero.training.metrics import read_metrics


def test_metrics_file_with_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2.0}\n\n{"step": 2, "loss": NaN}\n{"step": 3, "lo')
    records = read_metrics(path)
    assert [record["step"] for record in records] == [1, 2]
    path.write_text('{"step": 1}\n{"step": 2, "lo\n{"step": 3}\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl:2: is not a line of metrics"):
        read_metrics(path)
    path.write_text('{"step": 1}\n[1]\n')
    with pytest.raises(
        DataError, match=r"metrics\.jsonl:2: is not a line of metrics \(a JSON object"
    ):
        read_metrics(path)
    path.write_text('{"step": 1}\n{"step": 2, "lo\n')  # a whole line, so nothing tore it
    with pytest.raises(DataError, match=r"metrics\.jsonl:2: is not a line of metrics"):
        read_metrics(path)
    for torn in (b"\0\0\0\0", b'{"loss": "\xc3'):
        path.write_bytes(b'{"step": 1}\n' + torn)
        assert read_metrics(path) == [{"step": 1}]


def test_metrics_that_are_not_there_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_metrics(path) == []
    path.touch()
    assert read_metrics(path) == []
    path.write_bytes(gzip.compress(b'{"step": 1}\n' * 50)[:-9])
    with pytest.raises(DataError, match=r"metrics\.jsonl: the gzip data is truncated"):
        read_metrics(path)
    with pytest.raises(DataError, match="can't be read"):
        read_metrics(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        '{"loss": 2.0}',
        '{"step": "1", "loss": 2.0}',
        '{"step": 1.0, "loss": 2.0}',
        '{"step": true}',
        '{"step": 1, "loss": "2.0"}',
        '{"step": 1, "loss": [2.0]}',
        '{"step": 1, "accuracy": true}',
        "[" * 100_000,
        "[" * 500 + "]" * 500,
        '{"step": 1, "loss": ' + "[" * 700 + "]" * 700 + "}",
    ],
)
def test_what_is_no_number_is_told_in_one_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{line}\n{{"step": 3}}\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl:2: is not a line of metrics") as caught:
        read_metrics(path)
    assert len(str(caught.value)) < 500 + len(str(path))


def test_names_of_older_runs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "contrastive": 2, "mlm": null}\n{"step": 2, "mlm_loss": 3.5}\n')
    assert read_metrics(path) == [
        {"step": 1, "contrastive_loss": 2, "mlm_loss": None},
        {"step": 2, "mlm_loss": 3.5},
    ]
