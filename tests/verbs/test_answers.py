"""A folder of answers: in place as a whole, older ones kept, latencies on the disk."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.verbs.answers import HEADER, Answers, Latency


def _latency(case: str, sha256: str) -> Latency:
    return Latency(case, 1, 100.0, 101.5, 104.0, 1.0, 1.25, 0.25, 0, sha256)


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def _put(answers: Answers, case: str, text: str, masks: str = "") -> Path | None:
    staged = answers.stage(case)
    if masks:
        folder = staged.with_name(f"{staged.stem}-masks")
        folder.mkdir()
        (folder / "p.png").write_text(masks)
    staged.write_text(text)
    return answers.put(case)


def test_latencies_are_read_again_and_answer_what_was_answered(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    assert not answers.is_answered("ward/a", "x")
    _put(answers, "ward/a", "patient_id\n")
    answers.record(_latency("ward/a", "x"))
    (row,) = _rows(tmp_path / "latency.csv")
    assert row["case"] == "ward/a"
    assert float(row["waited_s"]) == 1.5
    assert float(row["total_s"]) == 4.0
    assert row["arrived"] == "1970-01-01T00:01:40.000+00:00"
    again = Answers(tmp_path)
    assert again.is_answered("ward/a", "x")
    assert not again.is_answered("ward/a", "y")
    (tmp_path / "ward" / "a.csv").unlink()
    assert not again.is_answered("ward/a", "x")


def test_a_row_that_a_power_cut_left_half_written_is_removed(tmp_path: Path) -> None:
    Answers(tmp_path).record(_latency("a", "x"))
    path = tmp_path / "latency.csv"
    whole = path.read_text()
    path.write_text(whole + "b,1,1970-01-01T00")
    Answers(tmp_path)
    assert path.read_text() == whole


def test_an_older_answer_and_its_masks_are_kept(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    table = "patient_id,mask,volume\np,a-masks/p.png,{}\n"
    assert _put(answers, "a", table.format(1), "first") is None
    assert _put(answers, "a", table.format(1), "first") is None  # the same again
    older = _put(answers, "a", table.format(1), "second")  # another mask alone
    assert older == tmp_path / "a.superseded-1.csv"
    older = _put(answers, "a", table.format(2), "third")
    assert older == tmp_path / "a.superseded-2.csv"
    for name, volume, mask in (
        ("a.superseded-1", "1", "first"), ("a.superseded-2", "1", "second"), ("a", "2", "third"),
    ):  # fmt: skip
        (row,) = _rows(tmp_path / f"{name}.csv")
        assert row["volume"] == volume
        assert row["mask"] == f"{name}-masks/p.png"
        assert (tmp_path / row["mask"]).read_text() == mask
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("thesis.txt", "", "not empty and without latency.csv .holds 'thesis.txt'."),
        ("latency.csv", "a,b\n1,2\n", "no table of latencies"),
        ("latency.csv", ",".join(HEADER) + "\n1,2\n", "no table of latencies"),
    ],
)
def test_a_folder_of_something_else_is_refused(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        Answers(tmp_path)
