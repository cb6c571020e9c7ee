"""Components by file name: listed without importing, found, refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.fusion import Fusion

MODULE = '''
from tumorboard.models.fusion import Fusion

class {first}(Fusion):
    """One."""
    level = "feature"

class {second}(Fusion):
    """Two."""
    level = "feature"
'''


def test_names_are_the_files_of_the_folder() -> None:
    folder = Path(registry.__file__).parent / "models" / "fusion"
    files = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    assert list(registry.names("models.fusion")) == files


@pytest.mark.parametrize(
    "folder", sorted(set(registry.CONTRACTS) - {"models.segmenters", "explain"})
)
def test_every_component_has_one_line_and_loads(folder: str) -> None:
    described = registry.describe(folder)
    assert described
    for name, line in described.items():
        assert line.endswith("."), f"{folder}.{name}: {line!r}"
        assert len(line) <= 110
        assert registry.load(folder, name).__module__ == f"tumorboard.{folder}.{name}"


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from tumorboard import registry\n"
        "for folder in registry.CONTRACTS: registry.names(folder); registry.describe(folder)\n"
        "heavy = {'torch', 'numpy', 'polars', 'sklearn', 'monai', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_find_gives_the_class() -> None:
    assert registry.find("models.fusion", "gated", Fusion).__name__ == "Gated"


def test_misspelt_name_suggests() -> None:
    with pytest.raises(
        StudyError, match=r"^'gatd' is not a known fusion\. Did you mean 'gated'\?$"
    ):
        registry.load("models.fusion", "gatd")


def test_file_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = MODULE.format(first="Tensor", second="_Private")
    (tmp_path / "lab_one").mkdir()
    (tmp_path / "lab_one" / "tensor.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.find("models.fusion", "lab_one.tensor", Fusion).__name__ == "Tensor"


def test_file_of_somebody_else_with_two_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MODULE.format(first="One", second="Two")
    (tmp_path / "lab_two").mkdir()
    (tmp_path / "lab_two" / "both.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    message = "'lab_two.both' must hold exactly one public subclass of Fusion, found One, Two."
    with pytest.raises(StudyError) as caught:
        registry.load("models.fusion", "lab_two.both")
    assert str(caught.value) == message


def test_module_that_is_not_there() -> None:
    with pytest.raises(StudyError, match=r"cannot import this module .* Is it on PYTHONPATH\?"):
        registry.load("models.fusion", "no_lab.no_file")


class Part:
    """A component for these tests."""

    def __init__(
        self, first: int, *, sizes: tuple[int, int] = (1, 2), name: str, rate: float = 0.5
    ) -> None:
        self.sizes, self.name, self.rate = sizes, name, rate


def test_settings_with_every_default_as_plain_data() -> None:
    resolved = registry.resolve(Part, {"name": "x"}, where="here")
    assert resolved == {"sizes": [1, 2], "name": "x", "rate": 0.5}
    assert registry.arguments(Part, resolved) == {"sizes": (1, 2), "name": "x", "rate": 0.5}


def test_every_faulty_setting_at_once() -> None:
    given = {"sizes": [1, "2"], "rat": 1, "rate": "fast", "first": 3}
    with pytest.raises(StudyError) as caught:
        registry.resolve(Part, given, where="here", also=("kind",))
    assert caught.value.problems == (
        'here.sizes.1: found "2", expected a whole number.',
        "here.name: missing. Add this key.",
        'here.rate: found "fast", expected a number.',
        "here.rat: unknown key. Did you mean 'rate'?",
        "here.first: unknown key. Known: kind, name, rate, sizes.",
    )


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ([1], r"here\.sizes: found \[1\], expected at least 2 entries\."),
        ([1, 2, 3], r"here\.sizes: found \[1, 2, 3\], expected at most 2 entries\."),
        (5, r"here\.sizes: found 5, expected a list in \[ \]\."),
    ],
)
def test_list_of_the_wrong_length_is_refused(sizes: object, sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence):
        registry.resolve(Part, {"name": "x", "sizes": sizes}, where="here")


def test_date_is_asked_for_in_quotes() -> None:
    import datetime

    with pytest.raises(StudyError, match=r"here\.name: found a date; put it in quotes\."):
        registry.resolve(Part, {"name": datetime.date(2020, 1, 1)}, where="here")
