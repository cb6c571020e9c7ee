"""Ranges of settings, so that a study file is refused before training and by name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
WholeNumber = Annotated[int, Field(ge=0)]
#: Share of units dropped: dropping all of them would leave nothing.
Dropout = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
#: Share of rows or features that are kept.
Share = Annotated[float, Field(gt=0, le=1)]
Factor = Annotated[float, Field(gt=0, le=1)]
Widths = Annotated[tuple[Count, ...], Field(min_length=1)]
