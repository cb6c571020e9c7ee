"""`tumorboard doctor`: what this machine has and lacks, one line each with its remedy."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from tumorboard.cache import default_folder

GIB = 2**30
#: Below this a study of images in memory may be killed.
MEMORY_GIB = 4.0
#: A run with its fold models, and the cache of prepared images.
DISK_GIB = 5.0
#: Environment variable that keeps idle OpenMP threads from taking a core from working ones.
WAIT_POLICY = "OMP_WAIT_POLICY"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at.

    Args:
        subject: What it is.
        state: "missing" where something needed is not there.
        found: What was found.
        remedy: What to do; "" where nothing is to be done.
    """

    subject: str
    state: Literal["ok", "warning", "missing"]
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.state:<8} {self.subject}: {self.found}.{remedy}"


def examine() -> list[Line]:
    """Everything that a study needs here."""
    return [
        _python(),
        Line("platform", "ok", platform.platform()),
        _cores(),
        _memory(),
        *_dependencies(),
        _accelerator(),
        _cache(),
        _disk(Path.cwd()),
        _data(),
        _wait_policy(),
    ]


def exit_code(lines: Sequence[Line]) -> int:
    """2 where something needed is missing, else 0."""
    return 2 if any(line.state == "missing" for line in lines) else 0


def _python() -> Line:
    return Line("python", "ok", f"{platform.python_version()} in {sys.prefix}")


def _cores() -> Line:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Line("cores", "ok", f"{usable} usable of {os.cpu_count()}")


def _memory() -> Line:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    except (AttributeError, ValueError):
        return Line("memory", "ok", "this system does not say")
    found = f"{total:.1f} GiB"
    if total < MEMORY_GIB:
        return Line("memory", "warning", found, "Use smaller images or batches.")
    return Line("memory", "ok", found)


def _dependencies() -> list[Line]:
    """One line for what the program needs, one for each extra."""
    wanted = metadata.requires("tumorboard") or []
    needed = [text for text in wanted if "extra ==" not in text]
    faults = [fault for text in needed if (fault := _fault(text))]
    versions = ", ".join(f"{n} {metadata.version(n)}" for n in ("torch", "monai") if _version(n))
    lines = [Line("dependencies", "ok", f"{len(needed)} installed, {versions}")]
    if faults:
        remedy = "Install with: python -m pip install tumorboard"
        lines = [Line("dependencies", "missing", ", ".join(faults), f"{remedy}.")]
    extras: dict[str, list[str]] = {}
    for text in wanted:
        match = re.search(r"extra == [\"'](.+?)[\"']", text)
        if match:
            extras.setdefault(match[1], []).append(text)
    for extra, texts in extras.items():
        absent = [fault for text in texts if (fault := _fault(text))]
        found = f"not installed: {', '.join(absent)}" if absent else "installed"
        remedy = f"If you need it: python -m pip install 'tumorboard[{extra}]'." if absent else ""
        lines.append(Line(f"extra {extra}", "ok", found, remedy))
    return lines


def _fault(requirement: str) -> str:
    """What is wrong with an installed requirement such as `numpy>=2.4`; "" where nothing is."""
    match = re.match(r"([A-Za-z0-9._-]+)(?:>=([0-9.]+))?", requirement)
    name, least = (match[1], match[2]) if match else (requirement, None)
    version = _version(name)
    if version is None:
        return f"{name} is not installed"
    if least and _numbers(version) < _numbers(least):
        return f"{name} is {version}, needs {least} or newer"
    return ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0]))


def _accelerator() -> Line:
    if _version("torch") is None:
        remedy = "Install a CPU or a CUDA build of torch (see README)."
        return Line("device", "missing", "torch is not installed", remedy)
    import torch

    from tumorboard.training.device import choose_device, choose_precision

    device = choose_device("auto")
    precision = choose_precision("auto", device, has_images=True)
    bf16 = "bf16" if "bf16" in str(precision) else f"no bf16, {precision}"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if not names:
        return Line("device", "ok", f"no GPU; images train on the CPU ({bf16})")
    return Line("device", "ok", f"{len(names)} GPU: {', '.join(names)} ({bf16})")


def _cache() -> Line:
    folder = default_folder()
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(parent, os.W_OK):
        remedy = "Set TUMORBOARD_CACHE to a folder that this account may write."
        return Line("cache", "missing", f"{folder} cannot be written", remedy)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Line("cache", "ok", f"{folder}, {size / GIB:.2f} GiB")


def _disk(folder: Path) -> Line:
    free = shutil.disk_usage(folder).free / GIB
    found = f"{free:.1f} GiB free in {folder}"
    if free < DISK_GIB:
        return Line("disk", "warning", found, "Free space, or write runs elsewhere with --out.")
    return Line("disk", "ok", found)


def _data() -> Line:
    named = os.environ.get("TUMORBOARD_DATA")
    if not named:
        found = "not set; studies look beside their own file, or in --data DIR"
        return Line("TUMORBOARD_DATA", "ok", found)
    folder = Path(named)
    if not folder.is_dir():
        remedy = "Create it or change the variable."
        return Line("TUMORBOARD_DATA", "warning", f"{folder} is not a folder", remedy)
    entries = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(entries[:6]) + (f" and {len(entries) - 6} more" if len(entries) > 6 else "")
    return Line("TUMORBOARD_DATA", "ok", f"{folder} with {shown or 'nothing in it'}")


def _wait_policy() -> Line:
    found = os.environ.get(WAIT_POLICY, "not set")
    if found.upper() == "PASSIVE":
        return Line(WAIT_POLICY, "ok", found)
    return Line(
        WAIT_POLICY,
        "warning",
        found,
        "Set it to PASSIVE where other programs share the cores: waiting threads otherwise hold "
        "a core and two threads are slower than one.",
    )
