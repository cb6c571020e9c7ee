"""Archives made to do harm, or damaged: refused by what they hold, not by what they say."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.zip_members import ZipLimits, read_zip


def make(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refusal(path: Path, limits: ZipLimits | None = None) -> str:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(InputError) as caught:
        list(read_zip(path, limits or ZipLimits()))
    assert sorted(path.parent.rglob("*")) == before  # nothing is ever written
    return str(caught.value)


def test_members_are_read_in_memory_and_folders_skipped(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"x/": b"", "x/1": b"one", "2": b"two"})
    assert [(m.name, m.content) for m in read_zip(path)] == [("x/1", b"one"), ("2", b"two")]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["../../x", "/abs/x", "C:\\x", "..\\x", "a/../../x"])
def test_u01_paths_that_lead_out_are_refused_and_named(tmp_path: Path, name: str) -> None:
    message = refusal(make(tmp_path / "a.zip", {"good": b"1", name: b"2"}))
    assert f"member {name!r} has a path that leads out" in message


def test_u02_links_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "member 'link' is a link" in refusal(tmp_path / "a.zip")


def test_u03_bombs_are_stopped_by_counting(tmp_path: Path) -> None:
    zeros = make(tmp_path / "zeros.zip", {"zeros": bytes(30 << 20)})
    limits = ZipLimits(ratio_from_bytes=4 << 20)
    message = refusal(zeros, limits)
    assert "member 'zeros' brings the ZIP beyond 200 bytes for each byte of its own" in message
    stopped = int(message.split("stopped after ")[1].split(" bytes")[0].replace(",", ""))
    assert stopped < 12 << 20
    assert "beyond the limit of 5,000,000 bytes for one member" in refusal(
        zeros, ZipLimits(member_bytes=5_000_000)
    )
    two = make(tmp_path / "two.zip", {"a": bytes(3 << 20), "b": bytes(3 << 20)})
    assert "member 'b' brings the ZIP beyond the limit of 4,194,304 bytes" in refusal(
        two, ZipLimits(total_bytes=4 << 20)
    )
    many = make(tmp_path / "many.zip", {str(k): b"" for k in range(50)})
    assert "50 members, more than the limit of 20" in refusal(many, ZipLimits(members=20))


def test_u03_a_header_that_understates_the_size_does_not_help(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"zeros": bytes(3 << 20)})
    content = path.read_bytes().replace((3 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    assert "member 'zeros' is damaged" in refusal(path)


def test_u03_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """Two entries of the directory for one member, as in overlap bombs."""
    content = make(tmp_path / "a.zip", {"a": b"x" * 500, "b": b"y" * 500}).read_bytes()
    start = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", start + 1)
    # The offset of the local header is the 43rd to 46th byte of an entry.
    shared = content[: second + 42] + bytes(4) + content[second + 46 :]
    path = tmp_path / "shared.zip"
    path.write_bytes(shared)
    assert "members 'a' and 'b' share the same bytes" in refusal(path)


def test_u03_nested_zip_is_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("deep", "x")
    path = make(tmp_path / "a.zip", {"inner.zip": inner.getvalue()})
    (member,) = read_zip(path)
    assert member.content == inner.getvalue()


def test_u04_repeated_names_are_all_kept(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", "2")
        archive.writestr("A", "3")
    members = list(read_zip(tmp_path / "a.zip"))
    assert [m.content for m in members] == [b"1", b"2", b"3"]
    assert [m.name for m in members] == ["a", "a (number 2)", "A"]


def test_u05_damage_names_the_member(tmp_path: Path) -> None:
    content = make(tmp_path / "a.zip", {"one": b"1" * 90, "two": b"2" * 90}, 0).read_bytes()
    wrong = tmp_path / "crc.zip"
    wrong.write_bytes(content.replace(b"2" * 90, b"2" * 89 + b"3"))
    assert "member 'two' is damaged (Bad CRC-32" in refusal(wrong)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(content[: len(content) // 2])
    assert "cut.zip: not a whole ZIP" in refusal(cut)
    locked = tmp_path / "locked.zip"
    start = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", start + 1)
    locked.write_bytes(content[: second + 8] + b"\x01\x00" + content[second + 10 :])
    assert "member 'two' is encrypted" in refusal(locked)
