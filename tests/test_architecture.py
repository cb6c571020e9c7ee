"""The house: who may import whom, how large a file may be, what is where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tumorboard import registry

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "tumorboard"
TESTS = ROOT / "tests"

#: From the ground up: a file imports from its own line or from a line above it.
LAYERS = (
    ("errors", "records", "study", "registry", "cache"),
    ("formats",), ("transforms",), ("cohorts",), ("simulators",), ("modalities",), ("audit",),
    ("models",), ("tasks",), ("evaluation",), ("training",), ("prediction",), ("explain",),
    ("report",), ("serving",), ("verbs",), ("cli", "cli_faults", "cli_masks"),
)  # fmt: skip
#: Parts of the ground floor that `study` and `registry` are made of.
GROUND_FLOOR = (
    "study_arms",
    "study_faults",
    "study_keys",
    "study_evaluation",
    "study_lookup",
    "study_masks",
    "study_notes",
    "study_parts",
    "study_report",
    "study_rules",
    "study_search",
    "study_table",
    "study_tasks",
    "study_toml",
    "study_training",
    "study_words",
)
#: Too slow to import on the ground floor, which every command loads.
HEAVY = {"torch", "polars", "monai", "lightning", "sklearn", "matplotlib", "scipy", "xgboost"}
#: Files in component folders that are no component, each with the reason.
NOT_COMPONENTS = {
    "cohorts/splits.py": "splitting patients is what every source has in common (DESIGN)",
    "cohorts/locking.py": "the locked test set is chosen the same way for every source",
    "cohorts/selection.py": "who is left out is decided the same way for every source",
    "cohorts/joining.py": "records of a second source are joined the same way for every source",
    "explain/asking.py": "every explainer is asked, and its answer kept, the same way",
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "base2"}
MOST_LINES, MANY_LINES, MOST_FUNCTION_LINES = 500, 300, 60
#: Files that may write or read torch's own format, each with the reason.
CHECKPOINTS = {
    "training/callbacks.py": "checkpoints within one fit, read with weights_only, gone after it",
    "models/pretrained.py": "published weights that are only to be had as torch files",
}
#: Modules that execute what a file says.
EXECUTING = {"joblib", "dill", "cloudpickle", "shelve", "yaml", "marshal"}
TORCH_FILES = {"torch.save", "torch.load"}

NAMES = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py"))]
COMPONENT_FOLDERS = [f for f in registry.CONTRACTS if (PACKAGE / f.replace(".", "/")).is_dir()]


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"))


@cache
def imports(name: str) -> tuple[tuple[int, str], ...]:
    """Line and dotted name of every import, inside functions and TYPE_CHECKING included."""
    return tuple(imports_of(tree_of(name)))


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


@cache
def calls(name: str) -> frozenset[str]:
    """What a file calls, as it is written."""
    nodes = ast.walk(tree_of(name))
    return frozenset(ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call))


def lines_of(name: str) -> int:
    return len((PACKAGE / name).read_text(encoding="utf-8").splitlines())


def layer_of(dotted: str) -> int | None:
    """Number of the layer of a module such as `tumorboard.models.fusion`; None outside of it."""
    parts = dotted.split(".")
    if parts[0] != "tumorboard" or len(parts) == 1:
        return None
    name = "study" if parts[1] in GROUND_FLOOR else parts[1]
    numbers = [number for number, layer in enumerate(LAYERS) if name in layer]
    return numbers[0] if numbers else None


def module_of(name: str) -> str:
    path = name.removesuffix(".py").removesuffix("__init__").rstrip("/")
    return ".".join(["tumorboard", *path.split("/")]) if path else "tumorboard"


def test_layers_name_every_folder_and_file() -> None:
    here = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    here |= {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    known = {name for layer in LAYERS for name in layer} | set(GROUND_FLOOR)
    assert here - known == set()


def test_imports_go_down() -> None:
    upwards: list[str] = []
    for name in NAMES:
        own = layer_of(module_of(name))
        if own is None:  # tumorboard/__init__.py hands on the verbs, lazily
            assert name == "__init__.py"
            continue
        upwards += [
            f"{name}:{line} imports {module}"
            for line, module in imports(name)
            if (layer := layer_of(module)) is not None and layer > own
        ]
    assert upwards == []


def test_the_test_of_layers_sees_imports_inside_functions() -> None:
    tree = ast.parse("def f():\n    from tumorboard.cli import app\n")
    ((line, module),) = imports_of(tree)
    assert (line, module) == (2, "tumorboard.cli.app")
    assert layer_of(module) == len(LAYERS) - 1
    assert layer_of("tumorboard.study_keys.Keys") == layer_of("tumorboard.cache") == 0
    assert layer_of(module_of("models/fusion/gated.py")) == LAYERS.index(("models",))
    assert layer_of(module_of("models/fusion/__init__.py")) == LAYERS.index(("models",))


def test_no_relative_import() -> None:
    found = [f"{n}:{line}" for n in NAMES for line, module in imports(n) if module.startswith(".")]
    assert found == []


def test_nothing_is_imported_by_a_computed_name() -> None:
    """`importlib` would escape the test of layers; the registry and the lazy verbs need it."""
    allowed = re.compile(r"importlib\.(metadata|resources|util\.find_spec)\b.*|importlib\.util")
    found = [
        f"{name}:{line} {module}"
        for name in NAMES
        for line, module in imports(name)
        if module.split(".")[0] == "importlib" and not allowed.fullmatch(module)
    ]
    assert [line.split(":")[0] for line in found] == ["__init__.py", "registry.py"]
    assert [n for n in NAMES if "__import__" in calls(n)] == []


def test_ground_floor_is_light() -> None:
    ground = [n for n in NAMES if "/" not in n and layer_of(module_of(n)) == 0]
    assert {"registry.py", "study.py", "study_keys.py"} <= set(ground)
    heavy = [
        f"{n}: {module}"
        for n in ground
        for _, module in imports(n)
        if module.split(".")[0] in HEAVY
    ]
    assert heavy == []


def test_files_are_short() -> None:
    long = {name: n for name in NAMES if (n := lines_of(name)) > MOST_LINES}
    assert long == {}, "say one idea per file"


def test_few_files_are_long() -> None:
    long = {name: n for name in NAMES if (n := lines_of(name)) > MANY_LINES}
    listing = "\n".join(f"{n:5} {name}" for name, n in sorted(long.items(), key=lambda i: -i[1]))
    assert len(long) <= len(NAMES) // 6, f"explain or split files over {MANY_LINES}:\n{listing}"


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for name in NAMES
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert long == []


def test_names_say_the_idea() -> None:
    parts = {part for name in NAMES for part in Path(name).with_suffix("").parts}
    assert parts & FORBIDDEN_NAMES == set()
    assert [part for part in parts if part.endswith("_new")] == []


def test_at_most_two_folders_below_the_package() -> None:
    assert [name for name in NAMES if name.count("/") > 2] == []


@pytest.mark.parametrize("folder", COMPONENT_FOLDERS)
def test_component_folder_holds_components_only(folder: str) -> None:
    path = folder.replace(".", "/")
    files = {f"{path}/{file.name}" for file in (PACKAGE / path).glob("*.py")}
    files -= {f"{path}/__init__.py", *NOT_COMPONENTS}
    assert files == {f"{path}/{name}.py" for name in registry.names(folder)}


def test_exceptions_are_still_needed() -> None:
    assert [name for name in (*NOT_COMPONENTS, *CHECKPOINTS) if name not in NAMES] == []
    assert [n for n in CHECKPOINTS if not (calls(n) & TORCH_FILES or "pickle" in modules(n))] == []


@pytest.mark.parametrize("folder", COMPONENT_FOLDERS)
def test_component_file_holds_one_public_class_of_its_contract(folder: str) -> None:
    for name in registry.names(folder):
        (component,) = components(f"{folder.replace('.', '/')}/{name}.py", folder)
        for function in component.body:
            if not isinstance(function, ast.FunctionDef) or function.name != "__init__":
                continue
            assert function.args.kwarg is None, f"{folder}.{name}: **kwargs swallows typos"
            defaults = [d for d in function.args.kw_defaults if isinstance(d, ast.Constant)]
            assert [d for d in defaults if d.value is None] == [], (
                f"{folder}.{name}: a None default"
            )


def components(name: str, folder: str) -> list[ast.ClassDef]:
    return [
        node
        for node in tree_of(name).body
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and registry.CONTRACTS[folder]
        in {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
    ]


def test_every_file_has_its_test() -> None:
    """`tests` mirrors `src`; a test beside the mirrored place that imports the file counts too."""
    untested = [name for name in NAMES if has_logic(name) and not is_tested(name)]
    assert untested == []


def has_logic(name: str) -> bool:
    definitions = (ast.FunctionDef, ast.ClassDef)
    is_contract = name.endswith("__init__.py")
    return not is_contract and any(isinstance(node, definitions) for node in tree_of(name).body)


def is_tested(name: str) -> bool:
    """A test of its own, or a tested file that is built on it."""
    if has_test(name):
        return True
    module = module_of(name)
    return any(
        has_test(other)
        and any(found == module or found.startswith(f"{module}.") for _, found in imports(other))
        for other in NAMES
        if other != name
    )


def has_test(name: str) -> bool:
    path = Path(name)
    folder = TESTS / path.parent
    if (folder / f"test_{path.name}").is_file():
        return True
    module = module_of(name)
    return any(
        found == module or found.startswith(f"{module}.")
        for place in (folder, TESTS / "contracts")
        for test in place.glob("test_*.py")
        for found in imports_of_test(test)
    )


@cache
def imports_of_test(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(module for _, module in imports_of(tree))


def modules(name: str) -> set[str]:
    return {module.split(".")[0] for _, module in imports(name)}


def test_no_print() -> None:
    assert [name for name in NAMES if "print" in calls(name)] == []


def test_nothing_is_executed_when_a_file_is_loaded() -> None:
    for name in NAMES:
        assert modules(name) & EXECUTING == set(), name
        assert calls(name) & {"eval", "exec", "os.system"} == set(), name
        if name not in CHECKPOINTS:
            assert "pickle" not in modules(name), name
            assert calls(name) & TORCH_FILES == set(), name


def test_torch_files_are_read_as_weights_only() -> None:
    for name in NAMES:
        for node in ast.walk(tree_of(name)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                options = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert options.get("weights_only") == "True", f"{name}:{node.lineno}"


def test_no_path_of_a_machine_and_no_registry() -> None:
    machine = re.compile(
        r"(?<![\w./])/(work|root|tmp|home)/\w|pypi\.org|pythonhosted|anaconda\.org"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("src", "tests", "docs", "studies", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".toml", ".md", ".html", ".css") and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if machine.search(line)
    ]
    assert found == []
