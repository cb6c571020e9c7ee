"""What every encoder promises, on small inputs."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.formats.text_bytes import to_bytes
from tumorboard.models.encoders import Encoder
from tumorboard.records import ArraySpec

NAMES = registry.names("models.encoders")
SPECS = {
    "vector": ArraySpec("vector", (7,)),
    "image": ArraySpec("image", (2, 64, 64)),
    "bag": ArraySpec("bag", (3, 2, 32, 32)),
    "volume": ArraySpec("volume", (1, 32, 32, 32)),
    "tokens": ArraySpec("tokens", (5, 3)),
    "text": ArraySpec("text", (0,)),
}
NOTES = ["No mass.", "Left: a mass of 3 mm, then 30 mm of oedema.", "", "Of 3 mm"]
BAGS = [n for n in NAMES if "bag" in registry.load("models.encoders", n).layouts]


def make_spec(name: str) -> ArraySpec:
    kind = registry.load("models.encoders", name)
    (layout,) = kind.layouts
    spec = ArraySpec("volume", (1, 50, 50, 50)) if name == "fmcib" else SPECS[layout]
    if "graph" in kind.needs:
        spec = replace(spec, graph=np.array([[0, 1, 2, 6, 4], [1, 2, 0, 2, 5]]))
    if "groups" in kind.needs:
        spec = replace(spec, groups={"a": np.array([0, 1, 2]), "b": np.array([2, 3, 4, 5, 6])})
    if "vocabulary" in kind.needs:
        spec = replace(spec, vocabulary=("no", "mass", "left", "of", "3", "mm"))
    if "projections" in kind.needs:
        spec = replace(spec, projections=np.random.default_rng(0).normal(size=(3, 7)))
    return spec


@cache
def make_encoder(name: str) -> Encoder:
    torch.manual_seed(3)
    kind = registry.load("models.encoders", name)
    settings = registry.resolve(kind, {}, where="encoder")
    return kind(make_spec(name), **settings)


def make_batch(name: str, n: int) -> torch.Tensor:
    if make_spec(name).layout == "text":
        return torch.from_numpy(to_bytes(NOTES[:n]))
    return torch.rand(n, *make_spec(name).sizes, generator=torch.Generator().manual_seed(5))


@pytest.fixture(autouse=True)
def thin_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """184 million parameters promise the same as a few."""
    monkeypatch.setattr("tumorboard.models.encoders.fmcib._WIDENING", 1 / 16)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_settings_are_keyword_only_typed_and_have_defaults(name: str) -> None:
    kind = registry.load("models.encoders", name)
    own = list(inspect.signature(kind.__init__).parameters.values())[2:]
    assert own, "an encoder has settings"
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in own)
    assert all(p.annotation is not inspect.Parameter.empty for p in own)
    assert all(p.default is not inspect.Parameter.empty and p.default is not None for p in own)
    with pytest.raises(StudyError, match=r"encoder\.dropuot: unknown key\. Did you mean 'dropout'"):
        registry.resolve(kind, {"dropuot": 0.1}, where="encoder")
    with pytest.raises(StudyError, match=r"encoder\.dropout: found 1\.0, expected"):
        registry.resolve(kind, {"dropout": 1.0}, where="encoder")


def test_shape_gradient_and_state_dict(name: str) -> None:
    encoder = make_encoder(name).train()
    batch = make_batch(name, 4)
    is_text = make_spec(name).layout == "text"
    batch.requires_grad_(not is_text)
    embedding = encoder(batch)
    assert embedding.shape == (4, encoder.output_size)
    assert bool(torch.isfinite(embedding).all())
    generator = torch.Generator().manual_seed(1)
    (embedding * torch.randn(embedding.shape, generator=generator)).sum().backward()
    silent = [
        key
        for key, parameter in encoder.named_parameters()
        if parameter.grad is None or not bool(parameter.grad.abs().sum() > 0)
    ]
    assert silent == []
    if not is_text:
        assert batch.grad is not None
        assert bool(batch.grad.abs().sum() > 0)
    encoder.zero_grad(set_to_none=True)


def test_one_patient_alone_as_in_a_batch(name: str) -> None:
    encoder = make_encoder(name).eval()
    batch = make_batch(name, 3)
    with torch.inference_mode():
        together = encoder(batch)
        alone = torch.cat([encoder(row.unsqueeze(0)) for row in batch])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)


def test_same_state_same_embedding_in_any_memory_format(name: str) -> None:
    encoder = make_encoder(name).eval()
    kind: Any = type(encoder)
    settings = registry.resolve(kind, {}, where="encoder")
    other = kind(make_spec(name), **settings).eval()
    other.load_state_dict(encoder.state_dict(), strict=True)
    batch = make_batch(name, 2)
    again = batch
    if batch.ndim in (4, 5) and "bag" not in kind.layouts:
        last = torch.channels_last if batch.ndim == 4 else torch.channels_last_3d
        other = other.to(memory_format=last)
        again = batch.to(memory_format=last)
    with torch.inference_mode():
        torch.testing.assert_close(other(again), encoder(batch), atol=1e-5, rtol=1e-5)


def test_stages_hold_every_parameter_once(name: str) -> None:
    encoder = make_encoder(name)
    staged = [id(p) for stage in encoder.stages() for p in stage.parameters()]
    assert len(staged) == len(set(staged))
    assert set(staged) == {id(p) for p in encoder.parameters()}


def test_weights_default_to_none_and_loading_then_changes_nothing(name: str) -> None:
    encoder = make_encoder(name)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.load_pretrained()
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


@pytest.mark.parametrize("name", BAGS)
def test_absent_patches_and_the_order_of_patches_change_nothing(name: str) -> None:
    encoder = make_encoder(name).eval()
    bags = make_batch(name, 2)
    bags[0, 1] = torch.nan
    longer = torch.cat([torch.full_like(bags, torch.nan), bags], dim=1)
    with torch.inference_mode():
        expected = encoder(bags)
        assert bool(torch.isfinite(expected).all())
        for others in (longer, bags.flip(1), bags[:, [1, 2, 0]]):
            torch.testing.assert_close(encoder(others), expected, atol=1e-5, rtol=1e-5)
        none = encoder(torch.full_like(bags, torch.nan))
    assert bool(torch.isfinite(none).all())
