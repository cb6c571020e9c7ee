"""Weight files: code in them is never run, damage and absence are said in one line."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tumorboard.errors import InputError
from tumorboard.models.pretrained import locate, read_tensors

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("form", ["torch", "legacy", "plain pickle"])
def test_code_is_refused_and_not_run(tmp_path: Path, form: str) -> None:
    trace = tmp_path / "trace"
    path = tmp_path / "evil.pth"
    content = {**TENSORS, "extra": Payload(trace)}
    if form == "plain pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(
        InputError, match=r"evil\.pth: refused, .*nothing in it was run.*safetensors"
    ):
        read_tensors(path)
    assert not trace.exists()
    # The payload is a real one: it runs where pickles are opened without care.
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt"])
def test_tensors_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(TENSORS, path)
    else:
        torch.save(TENSORS, path)
    found = read_tensors(path)
    assert set(found) == set(TENSORS)
    assert all(torch.equal(found[key], TENSORS[key]) for key in TENSORS)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_damaged_files(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(TENSORS, path)
    else:
        torch.save(TENSORS, path)
    content = path.read_bytes()
    path.write_bytes(
        {"truncated": content[: len(content) // 2], "empty": b"", "text": b"<html>404</html>"}[
            damage
        ]
    )
    with pytest.raises(InputError, match=rf"weights .*{name}: .*damaged"):
        read_tensors(path)


def test_a_checkpoint_that_is_not_a_flat_table(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"state_dict": TENSORS, "epoch": 3}, path)
    with pytest.raises(
        InputError, match=r"found state_dict, epoch beside tensors.*inner state_dict"
    ):
        read_tensors(path)
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="found a list, expected a flat table of tensors"):
        read_tensors(path)


def test_an_absent_file_says_where_to_get_it(tmp_path: Path) -> None:
    path = tmp_path / "none.safetensors"
    with pytest.raises(
        InputError, match=rf"{path}: no such file.*hf download timm/x.*HF_HOME.*HF_HUB_OFFLINE=1"
    ):
        locate(str(path), repository="timm/x")


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "imagnet"])
def test_other_kinds_of_files_are_not_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(
        InputError, match=r"ends in \.safetensors, \.pth, \.pt; nothing else is opened"
    ):
        locate(str(path), repository="timm/x")
