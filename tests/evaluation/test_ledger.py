import json
from pathlib import Path

import pytest

from tumorboard.errors import InputError, RunError
from tumorboard.evaluation.ledger import (
    BEGINNING,
    append_look,
    find_look,
    joint_hash,
    ledger_path,
    read_ledger,
    refuse_unwritable,
)


def look(path: Path, arm: str, models: str = "m") -> None:
    append_look(
        path, study="s", arm=arm, models=models, patients="p", marks=["a1"], n_patients=20,
        metrics={"auroc": {"value": 0.8, "ci_low": 0.7, "ci_high": None}},
    )  # fmt: skip


def test_the_ledger_lies_beside_the_study_file() -> None:
    assert ledger_path(Path("a/breast.toml")) == Path("a/breast.ledger.jsonl")


def test_every_look_follows_the_hash_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "s.ledger.jsonl"
    assert read_ledger(path) == []
    for arm in ("record", "image", "fused"):
        look(path, arm)
    looks = read_ledger(path)
    assert [x.number for x in looks] == [1, 2, 3]
    assert [x.arm for x in looks] == ["record", "image", "fused"]
    assert looks[0].previous == BEGINNING
    assert [x.previous for x in looks[1:]] == [x.hash for x in looks[:-1]]
    assert looks[0].metrics == {"auroc": {"value": 0.8, "ci_low": 0.7, "ci_high": None}}


def test_a_changed_a_removed_and_an_added_line_break_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "s.ledger.jsonl"
    for arm in ("record", "image", "fused"):
        look(path, arm)
    lines = path.read_text().splitlines()
    better = json.loads(lines[1])
    better["metrics"]["auroc"]["value"] = 0.99
    for tampered, fault in (
        ([lines[0], json.dumps(better), lines[2]], "line 2: was changed"),
        ([lines[0], lines[2]], "line 2: does not follow"),
        ([lines[0], lines[1], lines[1]], "line 3: does not follow"),
        ([lines[1], lines[2]], "line 1: does not follow"),
        ([lines[0], lines[1][:40]], "line 2: is damaged"),
    ):
        path.write_text("\n".join(tampered) + "\n")
        with pytest.raises(InputError, match=fault):
            read_ledger(path)
        with pytest.raises(InputError, match="Restore the file from version control"):
            look(path, "late")


def test_a_model_is_found_by_its_weights_and_its_patients(tmp_path: Path) -> None:
    path = tmp_path / "s.ledger.jsonl"
    look(path, "fused", models="a")
    looks = read_ledger(path)
    assert find_look(looks, "fused", "a", "p") == looks[0]
    assert find_look(looks, "fused", "b", "p") is None
    assert find_look(looks, "fused", "a", "other patients") is None
    assert joint_hash(["a", "b"]) != joint_hash(["ab"])


def test_a_study_in_a_folder_without_room_for_its_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"could not be recorded beside the study file"):
        refuse_unwritable(tmp_path / "absent" / "s.ledger.jsonl")
    refuse_unwritable(tmp_path / "s.ledger.jsonl")
    assert list(tmp_path.iterdir()) == []
