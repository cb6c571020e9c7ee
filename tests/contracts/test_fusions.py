"""What every fusion promises: any non-empty subset, and nothing from absent modalities."""

from __future__ import annotations

import inspect
import itertools

import pytest
import torch

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.fusion import Fusion

NAMES = registry.names("models.fusion")
MODALITIES = ("ct", "record", "rna")
SIZES = (6, 3, 5)


def sizes_of(name: str) -> tuple[int, ...]:
    is_decision = registry.load("models.fusion", name).level == "decision"
    return (4, 4, 4) if is_decision else SIZES


def make_fusion(name: str, n_modalities: int = 3) -> Fusion:
    torch.manual_seed(2)
    kind = registry.load("models.fusion", name)
    settings = registry.resolve(kind, {}, where="fusion")
    return kind(MODALITIES[:n_modalities], sizes_of(name)[:n_modalities], **settings)


def make_embeddings(name: str, n: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    draws = [torch.randn(n, size, generator=generator) for size in sizes_of(name)]
    is_decision = registry.load("models.fusion", name).level == "decision"
    return [draw.softmax(dim=1) for draw in draws] if is_decision else draws


SUBSETS = torch.tensor(list(itertools.product([False, True], repeat=3))[1:])


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_settings_are_keyword_only_typed_and_have_defaults(name: str) -> None:
    kind = registry.load("models.fusion", name)
    own = list(inspect.signature(kind.__init__).parameters.values())[3:]
    assert own, "a fusion has settings"
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in own)
    assert all(p.annotation is not inspect.Parameter.empty for p in own)
    assert all(p.default is not inspect.Parameter.empty and p.default is not None for p in own)
    with pytest.raises(StudyError, match=r"fusion\.no_such_key: unknown key"):
        registry.resolve(kind, {"no_such_key": 1}, where="fusion")


def test_every_subset_is_finite_and_alone_as_in_the_batch(name: str) -> None:
    fusion = make_fusion(name).eval()
    embeddings = make_embeddings(name, len(SUBSETS))
    with torch.inference_mode():
        fused = fusion(embeddings, SUBSETS)
        assert fused.vector.shape == (len(SUBSETS), fusion.output_size)
        assert bool(torch.isfinite(fused.vector).all())
        for row in range(len(SUBSETS)):
            alone = fusion([e[row : row + 1] for e in embeddings], SUBSETS[row : row + 1])
            torch.testing.assert_close(alone.vector[0], fused.vector[row], atol=1e-5, rtol=1e-5)


def test_weights_sum_to_one_over_those_present(name: str) -> None:
    fusion = make_fusion(name).train()
    weights = fusion(make_embeddings(name, len(SUBSETS)), SUBSETS).weights
    if weights is None:
        assert name in ("concatenation", "early", "film", "hybrid", "tensor")
        return
    assert weights.shape == SUBSETS.shape
    assert bool((weights[~SUBSETS] == 0).all())
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(SUBSETS)))


@pytest.mark.parametrize("garbage", [7.0, -1e30, float("inf"), float("nan")])
def test_absent_rows_reach_neither_output_nor_gradient(name: str, garbage: float) -> None:
    results: list[tuple[torch.Tensor, list[torch.Tensor | None], list[torch.Tensor]]] = []
    for filler in (0.0, garbage):
        fusion = make_fusion(name).train()
        embeddings = [
            torch.where(SUBSETS[:, m : m + 1], e, torch.full_like(e, filler)).requires_grad_()
            for m, e in enumerate(make_embeddings(name, len(SUBSETS)))
        ]
        torch.manual_seed(9)  # the same dropout
        vector = fusion(embeddings, SUBSETS).vector
        vector.square().sum().backward()
        inner = [e.grad for e in embeddings if e.grad is not None]
        results.append((vector, [p.grad for p in fusion.parameters()], inner))
    (first, first_grads, first_inner), (second, second_grads, second_inner) = results
    assert torch.equal(first, second)
    assert len(first_grads) == len(second_grads)
    for one, other in zip(first_grads, second_grads, strict=True):
        assert one is not None
        assert other is not None
        assert torch.equal(one, other)
    assert len(first_inner) == len(second_inner) == 3
    for m, (one, other) in enumerate(zip(first_inner, second_inner, strict=True)):
        assert torch.equal(one, other)
        assert bool((other[~SUBSETS[:, m]] == 0).all())


def test_gradient_reaches_every_parameter_and_embedding(name: str) -> None:
    fusion = make_fusion(name).train()
    embeddings = [e.requires_grad_() for e in make_embeddings(name, len(SUBSETS))]
    vector = fusion(embeddings, SUBSETS).vector
    generator = torch.Generator().manual_seed(1)
    (vector * torch.randn(vector.shape, generator=generator)).sum().backward()
    named = [*fusion.named_parameters(), *zip(MODALITIES, embeddings, strict=True)]
    silent = [key for key, t in named if t.grad is None or not bool(t.grad.abs().sum() > 0)]
    assert silent == []


def test_state_dict_roundtrip(name: str) -> None:
    fusion, other = make_fusion(name).eval(), make_fusion(name).eval()
    for parameter in other.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    other.load_state_dict(fusion.state_dict(), strict=True)
    embeddings = make_embeddings(name, len(SUBSETS))
    one, two = fusion(embeddings, SUBSETS), other(embeddings, SUBSETS)
    assert torch.equal(one.vector, two.vector)


def test_one_modality_alone(name: str) -> None:
    fusion = make_fusion(name, n_modalities=1).train()
    embeddings = make_embeddings(name, 4)[:1]
    fused = fusion(embeddings, torch.ones(4, 1, dtype=torch.bool))
    assert fused.vector.shape == (4, fusion.output_size)
    assert bool(torch.isfinite(fused.vector).all())
    if fused.weights is not None:
        assert torch.equal(fused.weights, torch.ones(4, 1))
