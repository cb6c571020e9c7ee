"""The facts of any run, by its task."""

from __future__ import annotations

from tumorboard.report.class_facts import ClassFacts
from tumorboard.report.contents import Contents
from tumorboard.report.facts import Facts
from tumorboard.report.mask_facts import MaskFacts
from tumorboard.report.number_facts import NumberFacts
from tumorboard.report.numbers_contents import NumbersContents


def facts_of(contents: Contents | NumbersContents) -> Facts:
    """What a run can say about itself."""
    if isinstance(contents, NumbersContents):
        is_of_masks = contents.predictions.kind == "segmentation"
        return MaskFacts(contents) if is_of_masks else NumberFacts(contents)
    return ClassFacts(contents)
