"""README and docs: their code runs, their links lead somewhere, nothing is left out."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

import tumorboard
from tumorboard import registry
from tumorboard.cli import app
from tumorboard.study import Study
from tumorboard.study_keys import StudyKeys
from tumorboard.study_lookup import table_of
from tumorboard.verbs.list import GROUPS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
BLOCK = re.compile(r"^( *)```([^\n]+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, words: str) -> list[str]:
    """Fenced blocks of a page that carry these words behind the fence."""
    return [code for _, info, code in BLOCK.findall(page.read_text("utf-8")) if info == words]


def with_blocks(words: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, words)]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TUMORBOARD_DATA", raising=False)
    return tmp_path


@pytest.mark.parametrize("page", with_blocks("bash run"), ids=name_of)
def test_commands_run(page: Path, elsewhere: Path) -> None:
    for block in blocks(page, "bash run"):
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "tumorboard"
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, f"{line}\n{result.output}"


@pytest.mark.parametrize("page", with_blocks("python run"), ids=name_of)
def test_python_runs(page: Path, elsewhere: Path) -> None:
    for block in blocks(page, "python run"):
        exec(compile(block, name_of(page), "exec"), {})


@pytest.mark.parametrize("page", with_blocks("toml study"), ids=name_of)
def test_studies_load(page: Path) -> None:
    for block in blocks(page, "toml study"):
        assert Study.from_tables(tomllib.loads(block), path=Path("study.toml")).arms


@pytest.mark.parametrize("page", with_blocks("toml part"), ids=name_of)
def test_parts_of_studies_load(page: Path) -> None:
    (whole,) = blocks(DOCS / "tutorials" / "s1-image-and-table.md", "toml study")
    for block in blocks(page, "toml part"):
        tables = tomllib.loads(whole)
        for name, keys in tomllib.loads(block).items():
            tables[name] = {**tables.get(name, {}), **keys}
        assert Study.from_tables(tables, path=Path("study.toml")).arms


def test_there_is_something_to_run() -> None:
    assert [name_of(page) for page in with_blocks("bash run")] == [
        "docs/how-to/stream.md",
        "docs/tutorials/s1-image-and-table.md",
        "docs/tutorials/s2-ct-rna-record.md",
        "docs/tutorials/s3-histology-and-records.md",
        "docs/tutorials/s4-adaptive-radiotherapy.md",
        "docs/tutorials/s4-drug-trial.md",
        "docs/tutorials/s4-segmentation-with-notes.md",
        "docs/tutorials/s4-surgery-planning.md",
    ]
    assert ROOT / "README.md" in with_blocks("python run")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_is_what_the_code_says() -> None:
    pages: Mapping[str, object] = generator().PAGES
    assert {path.name for path in (DOCS / "reference").iterdir()} == set(pages)
    for name in pages:
        written = (DOCS / "reference" / name).read_text("utf-8")
        now = generator().PAGES[name]()
        assert written == now, f"{name}: run `python docs/generate_reference.py`"


def test_every_key_is_described() -> None:
    arguments = generator().arguments
    table = re.compile(r"\| `(\w+)` \|[^\n]*\| ([^|\n]*) \|$", re.MULTILINE)
    text = (DOCS / "reference" / "study-file.md").read_text("utf-8")
    assert [key for key, what in table.findall(text) if not what.strip()] == []
    for name in StudyKeys.model_fields:
        keys = table_of((name,)) or table_of((name, "NAME"))
        if keys is not None:
            assert set(arguments(keys.__doc__ or "")) == set(keys.model_fields), name


@pytest.mark.parametrize("folder", list(GROUPS))
def test_every_setting_of_a_component_is_described(folder: str) -> None:
    for name in registry.names(folder):
        component = registry.load(folder, name)
        described = set(generator().arguments(component.__doc__ or ""))
        settings = set(registry.settings_model(component).model_fields)
        assert described == settings, f"{folder}.{name}: Args and settings differ"


def test_every_command_and_component_is_documented() -> None:
    text = "\n".join(page.read_text("utf-8") for page in PAGES if "reference" not in page.parts)
    commands = (DOCS / "reference" / "commands.md").read_text("utf-8")
    components = (DOCS / "reference" / "components.md").read_text("utf-8")
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        assert f"## `tumorboard {name}`" in commands
        assert f"tumorboard {name}" in text, f"no page uses `tumorboard {name}`"
    for folder in GROUPS:
        for name in registry.names(folder):
            assert f"### `{name}`" in components


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.is_file(), f"{name_of(page)}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{name_of(page)}: {target}"


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as they are made for Markdown on the web."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_index_lists_every_page() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    for page in DOCS.rglob("*.md"):
        if page.name != "index.md" and "results" not in page.parts:
            assert f"]({page.relative_to(DOCS).as_posix()})" in index


def test_readme_lists_every_folder() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    package = Path(tumorboard.__file__).parent
    for folder in package.iterdir():
        if (folder / "__init__.py").is_file():
            assert f"| `{folder.name}/` |" in readme


def test_readme_states_its_limit() -> None:
    assert "Research software, not a medical device." in (ROOT / "README.md").read_text("utf-8")


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1] == project["version"] == tumorboard.__version__
    assert "### Changed results" in changelog


def test_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text) == 11357 or len(text) == 11358
