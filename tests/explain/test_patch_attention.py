"""Attention to the windows of made slides: one dark window decides, and its place is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as Picture
from small_study import make_study

from tumorboard.cache import Cache
from tumorboard.explain import Asked
from tumorboard.explain.asking import Subject, answer
from tumorboard.explain.patch_attention import PatchAttention
from tumorboard.models.assembly import Network
from tumorboard.models.encoders.attention_mil import AttentionMil
from tumorboard.prediction.kept_maps import N_MOST, read_map
from tumorboard.prediction.window_maps import most_and_least
from tumorboard.records import Cohort
from tumorboard.report.heat_maps import side_by_side
from tumorboard.training.fitted import FittedArm
from tumorboard.training.prepare import build_modality, build_task

WINDOW, HEIGHT, WIDTH = 32, 96, 128
#: Row -> column and row, in windows, of the dark window on its slide.
DARK = {0: (1, 2), 1: (3, 0)}
SLIDE = {
    "kind": "patches", "files": "{file}", "around": "tissue", "window_px": WINDOW,
    "size": [16, 16], "bag_size": 4, "most": 30,
    "encoder": {"name": "attention_mil", "patch_encoder": {"name": "small_cnn", "widths": [4]},
                "embedding_size": 2, "hidden": 2},
}  # fmt: skip
RECORD = {"kind": "table", "numeric": ["age"], "encoder": {"name": "mlp", "widths": [4]}}


class Darkness(torch.nn.Module):
    """A patch is described by how dark it is, and by 1."""

    output_size = 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dark = 1 - x.mean(dim=(1, 2, 3))
        return torch.stack([dark, torch.ones_like(dark)], dim=1)


def slide(dark: tuple[int, int] | None, *, half: bool = False) -> NDArray[np.uint8]:
    """Pink tissue, glass on the right where it is half, and one window of darker tissue."""
    pixels = np.full((HEIGHT, WIDTH, 3), (220, 140, 190), dtype=np.uint8)
    if half:
        pixels[:, WIDTH // 2 :] = 244
    if dark is not None:
        left, top = (k * WINDOW for k in dark)
        pixels[top : top + WINDOW, left : left + WINDOW] = (120, 60, 130)
    return pixels


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """Four rows: a whole slide, half a slide, two slides of one patient, and none."""
    slides = {
        "whole": slide(DARK[0]), "far": slide(DARK[1]), "half": slide((0, 1), half=True),
        "plain": slide(None),
    }  # fmt: skip
    paths = [tmp_path / f"{name}.png" for name in slides]
    for path, pixels in zip(paths, slides.values(), strict=True):
        Picture.fromarray(pixels).save(path)
    files = ((paths[0],), (paths[1],), (paths[3], paths[2]), ())
    ids = tuple(f"P{k}" for k in range(4))
    cohort = Cohort(
        name="slides", patient_id=ids, unit_id=ids,
        columns={"diagnosis": ("benign", "malignant") * 2, "age": ("50", "61", "43", "70")},
        files={"slide": files}, line=(2, 3, 4, 5), table=tmp_path / "t.csv", root=tmp_path,
    )  # fmt: skip
    arms = {
        "slide": {"modalities": ["slide"]}, "record": {"modalities": ["record"]},
        "logistic": {"modalities": ["record"], "baseline": {"name": "logistic_regression"}},
    }  # fmt: skip
    study = make_study(tmp_path, modalities={"slide": SLIDE, "record": RECORD}, arms=arms)
    task = build_task(study.keys.task)
    outcomes = task.read(cohort)
    modality = build_modality(study.modalities["slide"])
    measured = {"slide": modality.read(cohort, name="slide", cache=Cache(tmp_path / "cache"))}
    specs = {"slide": modality.fit(measured["slide"], np.arange(3), weight=np.ones(3))}
    arm = study.arms["slide"]
    network = Network(specs, arm.encoders, arm.fusion, n_outputs=2, link="softmax").eval()
    look_at_dark(cast(AttentionMil, network.encoder("slide")))
    fitted = FittedArm(
        study=study, arm=arm, modalities={"slide": modality}, specs=specs, task=task,
        classes=outcomes.classes, values=dict(outcomes.values), network=network, threshold=0.5,
    )  # fmt: skip
    return Asked(
        fitted=fitted, cohort=cohort, outcomes=outcomes, measured=measured, rows=np.arange(4),
        background=np.arange(0), target=1, rng=np.random.default_rng(0),
    )  # fmt: skip


def look_at_dark(encoder: AttentionMil) -> None:
    """The darker a patch, the more attention."""
    encoder.patches = cast(Any, Darkness())
    encoder.gate = None
    with torch.no_grad():
        project = cast(torch.nn.Linear, encoder.project[0])
        content = cast(torch.nn.Linear, encoder.content[0])
        project.weight = torch.nn.Parameter(torch.eye(2))
        project.bias.zero_()
        content.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 0.0]]))
        content.bias.zero_()
        encoder.score.weight.copy_(torch.tensor([[8.0, 0.0]]))


def test_the_window_that_decides_is_found_at_its_place(asked: Asked) -> None:
    explanation = PatchAttention().explain(asked)
    (found,) = explanation.heat_maps
    assert found.rows.tolist() == [0, 1, 2, 2]  # the third has two slides, the fourth none
    assert found.windows is not None
    assert found.maps.shape == (4, 288, 384)
    for i, (column, line) in DARK.items():
        x, y, weight = found.windows.places[i, found.windows.shown[i, 0]]
        assert (x, y) == ((column + 0.5) * WINDOW, (line + 0.5) * WINDOW)
        assert weight == np.nanmax(found.windows.places[i, :, 2])
        inside = np.zeros((288, 384), dtype=bool)
        inside[96 * line : 96 * (line + 1), 96 * column : 96 * (column + 1)] = True
        assert (found.maps[i][inside] == found.maps[i].max()).all()
        assert found.maps[i][~inside].max() < found.maps[i].max() / 5
        dark = found.inputs[i].mean(axis=0) < 0.5
        assert (dark & inside).sum() / (dark | inside).sum() > 0.97  # on the thumbnail too
        assert np.abs(found.windows.pictures[i, 0].mean(axis=(1, 2)) - (120, 60, 130)).max() < 2
    weights = [found.windows.places[i, :, 2] for i in range(4)]
    assert [np.nansum(weight) for weight in weights[:2]] == pytest.approx([1.0, 1.0])
    assert np.nansum(weights[2]) + np.nansum(weights[3]) == pytest.approx(1.0)
    assert found.windows.slides.tolist() == ["whole.png", "far.png", "half.png", "plain.png"]
    assert explanation.checks is not None
    assert explanation.checks["times_even_share"] > 5
    assert "slide: no map for 1 of 4 rows, without slide." in explanation.remarks


def test_glass_has_no_weight_and_no_window_is_shown_twice(asked: Asked) -> None:
    (found,) = PatchAttention().explain(asked).heat_maps
    assert found.windows is not None
    half = found.maps[2]
    assert (half[:, 200:] == 0).all()
    assert (half[:, :190] > 0).all()
    assert np.isfinite(found.windows.places[2]).all(axis=1).sum() == 6
    assert most_and_least(np.array([1.0, 3.0, 2.0]))[:4].tolist() == [1, 2, 0, -1]
    shown = most_and_least(np.arange(20.0))
    assert shown.tolist() == [*range(19, 11, -1), *range(4)]
    assert (shown[:N_MOST] > shown[N_MOST:].max()).all()


def test_numbers_name_slide_and_place(asked: Asked) -> None:
    found = PatchAttention().explain(asked).attributions
    assert found is not None
    assert np.isnan(found.values[3]).all()
    assert found.shown[0][0].startswith("whole.png: x 48 px, y 80 px, ")
    assert found.shown[2][0].startswith("half.png: x 16 px, y 48 px, ")
    assert found.values[0, 0] == np.nanmax(found.values[0])
    assert found.values[0, N_MOST] == np.nanmin(found.values[0])
    assert found.scale == "attention"


def test_even_attention_is_said_to_tell_little(asked: Asked) -> None:
    encoder = cast(AttentionMil, cast(Network, asked.fitted.network).encoder("slide"))
    torch.nn.init.zeros_(encoder.score.weight)
    remarks = PatchAttention().explain(asked).remarks
    assert any("(largest 1.00 times an even share): it tells little." in line for line in remarks)


def test_pictures_are_kept_with_their_windows(asked: Asked, tmp_path: Path) -> None:
    subject = Subject(
        fitted=asked.fitted, cohort=asked.cohort, outcomes=asked.outcomes,
        measured=asked.measured, cases=np.arange(3), called=np.ones(3, dtype=np.int64),
        every=np.arange(3), background=np.arange(0), repeat=0, fold=0, seed=1,
    )  # fmt: skip
    found = answer(subject, {"patch_attention": PatchAttention()}, tmp_path)
    kept = read_map(tmp_path, found.heat_maps[0])
    assert kept.windows is not None
    assert str(kept.windows.slides) == "whole.png"
    assert kept.map.max() == 1
    assert len(kept.values) == 12
    picture = side_by_side(kept)
    assert picture.shape[1] == 2 * 384 + 6
    assert picture.shape[0] > 288 + 2 * 90
    assert "not what caused its answer" in found.answers[0].caption


def test_refusals_say_why(asked: Asked) -> None:
    def fitted(name: str) -> FittedArm:
        network = asked.fitted.network if name == "record" else None
        arm = asked.fitted.study.arms[name]
        return FittedArm(
            study=asked.fitted.study, arm=arm, modalities={}, specs={}, task=asked.fitted.task,
            classes=("a", "b"), values={}, network=network,
        )  # fmt: skip

    refuses = PatchAttention().refuses
    assert refuses(asked.fitted) == ""
    assert refuses(fitted("logistic")) == "logistic is a baseline without a network."
    assert refuses(fitted("record")) == (
        "record pools no windows of slides by attention (attention_mil)."
    )
