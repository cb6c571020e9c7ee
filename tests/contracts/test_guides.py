"""What every guide promises: the image alone where nothing else is there, and words of place."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from tumorboard import registry
from tumorboard.models.encoders import Tokens
from tumorboard.models.fusion import Fusion
from tumorboard.models.guides import Context, Guide, MapShape

GUIDES = [
    name for name in registry.names("models.fusion") if registry.load("models.fusion", name).guides
]
NAMES, SIZES = ("notes", "record"), (5, 3)
MAPS = (4, 6, 8)
#: (axes of a map, axes of the image, finest map); a volume may be segmented slice by slice.
SPACES = {"2d": (2, 2, (8, 12)), "3d": (3, 3, (8, 4, 12)), "slices": (2, 3, (8, 12))}
SUBSETS = torch.tensor(list(itertools.product([False, True], repeat=2)))


@pytest.fixture(params=GUIDES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=list(SPACES))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def settings_of(name: str, **changed: Any) -> dict[str, Any]:
    found: type[Fusion] = registry.load("models.fusion", name)
    return registry.arguments(found, registry.resolve(found, changed, where="fusion"))


def make_guide(name: str, kind: str = "2d", *, is_random: bool = False) -> Guide:
    """A guide; `is_random`: as if trained, with nothing left at zero."""
    n_dims, n_axes, _ = SPACES[kind]
    torch.manual_seed(3)
    found: type[Fusion] = registry.load("models.fusion", name)
    guide = found.guide(NAMES, SIZES, MapShape(MAPS, n_dims, n_axes, 2), **settings_of(name))
    for parameter in guide.parameters() if is_random else ():
        nn.init.normal_(parameter, std=0.3)
    return guide


def make_context(kind: str = "2d", *, garbage: float = 0.0, seed: int = 0) -> Context:
    n = len(SUBSETS)
    generator = torch.Generator().manual_seed(seed)
    vectors, tokens = [], []
    for m, size in enumerate(SIZES):
        has = SUBSETS[:, m]
        vector = torch.randn(n, size, generator=generator)
        words = torch.randn(n, 4, size, generator=generator)
        vectors.append(torch.where(has[:, None], vector, torch.full_like(vector, garbage)))
        words = torch.where(has[:, None, None], words, torch.full_like(words, garbage))
        mask = torch.arange(4).expand(n, 4) < torch.tensor([[1], [2], [3], [4]])
        tokens.append(Tokens(words, mask))
    places = torch.tensor([-1.0, 1.0]).expand(n, SPACES[kind][1], 2)
    return Context(tuple(vectors), tuple(tokens), SUBSETS, places)


def make_maps(kind: str = "2d") -> tuple[list[torch.Tensor], torch.Tensor]:
    space = SPACES[kind][2]
    generator = torch.Generator().manual_seed(8)
    maps = [
        torch.randn(4, size, *(length // 2**i for length in space), generator=generator)
        for i, size in enumerate(MAPS)
    ]
    return maps, torch.randn(4, 2, *space, generator=generator)


def everything(guide: Guide, context: Context, kind: str = "2d") -> list[torch.Tensor]:
    """What enters before, between and after the halves of a segmenter."""
    maps, logits = make_maps(kind)
    more = guide.channels(context, logits.shape[2:])
    found = [*guide.maps(maps, context), guide.logits(logits, context)]
    return found if more is None else [*found, more]


def test_shapes(name: str, kind: str) -> None:
    guide, (maps, logits) = make_guide(name, kind, is_random=True).eval(), make_maps(kind)
    context = make_context(kind)
    found = everything(guide, context, kind)
    assert [each.shape for each in found[:4]] == [each.shape for each in (*maps, logits)]
    extra = registry.load("models.fusion", name).extra_channels(**settings_of(name))
    if extra:
        assert found[4].shape == (4, extra, *logits.shape[2:])
    else:
        assert len(found) == 4
    assert all(bool(torch.isfinite(each).all()) for each in found)


def test_a_row_with_the_image_alone_gives_what_the_image_gives(name: str, kind: str) -> None:
    guide, (maps, logits) = make_guide(name, kind, is_random=True).eval(), make_maps(kind)
    found = everything(guide, make_context(kind), kind)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(found, (*maps, logits), strict=False))
    if len(found) > 4:
        assert bool((found[4][0] == 0).all())
    # and the others do change something
    given = [*maps, logits, *(torch.zeros_like(each) for each in found[4:])]
    for row in range(1, 4):
        assert any(not torch.equal(a[row], b[row]) for a, b in zip(found, given, strict=True))


def test_it_starts_as_the_image_alone(name: str) -> None:
    guide, (maps, logits) = make_guide(name).eval(), make_maps()
    found = everything(guide, make_context())
    given = [*maps, logits, *(torch.zeros_like(each) for each in found[4:])]
    # Fixed weights start with a share of the image of 0.95 beside one, 0.91 beside two others.
    tolerance = 0.5 if name == "static_weights" else 1e-6
    for own, start in zip(found, given, strict=True):
        torch.testing.assert_close(own, start, atol=tolerance, rtol=0)


@pytest.mark.parametrize("garbage", [7.0, -1e30, float("nan")])
def test_absent_rows_reach_neither_output_nor_gradient(name: str, garbage: float) -> None:
    found: list[tuple[list[torch.Tensor], list[torch.Tensor | None]]] = []
    for filler in (0.0, garbage):
        guide = make_guide(name, is_random=True).eval()
        out = everything(guide, make_context(garbage=filler))
        sum(each.square().sum() for each in out).backward()  # type: ignore[union-attr]
        found.append((out, [parameter.grad for parameter in guide.parameters()]))
    (first, first_gradients), (second, second_gradients) = found
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    for one, other in zip(first_gradients, second_gradients, strict=True):
        assert one is not None
        assert other is not None
        assert torch.equal(one, other)


def test_gradient_reaches_every_parameter(name: str) -> None:
    guide = make_guide(name, is_random=True).train()
    out = everything(guide, make_context())
    sum(each.square().sum() for each in out).backward()  # type: ignore[union-attr]
    silent = [
        key
        for key, parameter in guide.named_parameters()
        if parameter.grad is None or not bool(parameter.grad.abs().sum() > 0)
    ]
    assert silent == []


def test_shares_sum_to_one_and_are_zero_where_absent(name: str) -> None:
    guide = make_guide(name, is_random=True).eval()
    everything(guide, make_context())
    shares = guide.shares()
    if shares is None:
        assert name in ("concatenation", "early", "film", "hybrid")
        return
    assert shares.shape == (4, 3)
    assert not shares.requires_grad
    assert bool((shares[:, 1:][~SUBSETS] == 0).all())
    assert shares[0].tolist() == [1.0, 0.0, 0.0]
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(4))


def test_each_row_as_if_alone(name: str) -> None:
    guide = make_guide(name, is_random=True).eval()
    context = make_context()
    together = everything(guide, context)
    maps, logits = make_maps()
    for row in range(4):
        own = slice(row, row + 1)
        alone = Context(
            tuple(each[own] for each in context.vectors),
            tuple(Tokens(each.values[own], each.mask[own]) for each in context.tokens),
            context.present[own],
            context.places[own],
        )
        found = [
            *guide.maps([each[own] for each in maps], alone),
            guide.logits(logits[own], alone),
        ]
        for one, all_rows in zip(found, together, strict=False):
            torch.testing.assert_close(one[0], all_rows[row], atol=1e-5, rtol=1e-5)


def test_a_mirrored_patch_hears_the_other_side(name: str) -> None:
    """What is said of a place goes with the place: mirrored maps give mirrored answers."""
    guide = make_guide(name, is_random=True).eval()
    context = make_context()
    mirrored = Context(
        context.vectors, context.tokens, context.present,
        torch.stack([context.places[:, 0].flip(1), context.places[:, 1]], dim=1),
    )  # fmt: skip
    maps, logits = make_maps()
    forth = [*guide.maps(maps, context), guide.logits(logits, context)]
    back = [
        *guide.maps([each.flip(2) for each in maps], mirrored),
        guide.logits(logits.flip(2), mirrored),
    ]
    for one, other in zip(forth, back, strict=True):
        torch.testing.assert_close(one, other.flip(2), atol=1e-5, rtol=1e-5)
