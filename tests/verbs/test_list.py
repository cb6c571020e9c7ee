"""What `tumorboard list` shows."""

from __future__ import annotations

from tumorboard import registry
from tumorboard.verbs.list import GROUPS, Group, lines, list_components


def test_every_component_of_every_folder_is_listed() -> None:
    groups = {group.folder: dict(group.components) for group in list_components()}
    for folder in registry.CONTRACTS:
        if registry.names(folder):
            assert groups[folder] == dict(registry.describe(folder))
    assert set(groups) == set(GROUPS)


def test_lines_are_aligned_under_their_heading() -> None:
    groups = [
        Group("tasks", "Tasks", "[task] kind", {"a": "First.", "long_name": "Second."}),
        Group("cohorts", "Sources", "[cohort] source", {"b": "Third."}),
    ]
    assert lines(groups) == [
        "Tasks ([task] kind)",
        "  a          First.",
        "  long_name  Second.",
        "",
        "Sources ([cohort] source)",
        "  b          Third.",
    ]
