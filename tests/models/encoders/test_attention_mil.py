"""Attention over a bag of patches: the published pooling, absent patches, memory, freezing."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from torch import nn

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.assembly import Network
from tumorboard.models.encoders.attention_mil import AttentionMil
from tumorboard.records import ArraySpec

SPEC = ArraySpec("bag", (5, 3, 16, 16), ("red", "green", "blue"))
PATCHES = {"name": "small_cnn", "widths": [4, 6], "dropout": 0.0}


def make(**settings: Any) -> AttentionMil:
    torch.manual_seed(2)
    given = {"patch_encoder": PATCHES, "embedding_size": 8, "hidden": 4, "dropout": 0.0, **settings}
    resolved = registry.resolve(AttentionMil, given, where="encoder")
    return AttentionMil(SPEC, **registry.arguments(AttentionMil, resolved))


def make_bags(n: int = 3) -> torch.Tensor:
    bags = torch.rand(n, *SPEC.sizes, generator=torch.Generator().manual_seed(1))
    bags[0, 3:] = torch.nan
    bags[1, 0] = torch.nan
    return bags


@pytest.mark.parametrize("gated", [True, False])
def test_pooling_is_the_published_one(gated: bool) -> None:
    """Ilse et al. 2018, equations 7 to 9, written out for one bag of the patches present."""
    encoder = make(gated=gated).eval()
    bags = make_bags()
    with torch.inference_mode():
        embedding, shares = encoder.with_attention(bags)
        found = encoder.project(encoder.patches(bags[0, :3]))
        content = torch.tanh(found @ encoder.content[0].weight.T + encoder.content[0].bias)
        if encoder.gate is not None:
            linear: Any = encoder.gate[0]
            content = content * torch.sigmoid(found @ linear.weight.T + linear.bias)
        score = torch.exp(content @ encoder.score.weight[0])
        share = score / score.sum()
    torch.testing.assert_close(shares[0, :3], share)
    torch.testing.assert_close(embedding[0], share @ found)
    assert gated == (encoder.gate is not None)


def test_shares_sum_to_one_and_absent_patches_have_none() -> None:
    bags = make_bags()
    bags[2] = torch.nan
    with torch.inference_mode():
        embedding, shares = make().eval().with_attention(bags)
    torch.testing.assert_close(shares.sum(dim=1), torch.tensor([1.0, 1.0, 0.0]))
    assert shares[0, 3:].tolist() == [0.0, 0.0]
    assert shares[1, 0] == 0.0
    assert embedding[2].tolist() == [0.0] * 8


def test_gradients_are_finite_with_absent_patches_and_empty_bags() -> None:
    encoder = make().train()
    bags = make_bags()
    bags[2] = torch.nan
    encoder(bags).square().sum().backward()
    gradients = [parameter.grad for parameter in encoder.parameters()]
    assert all(g is not None and bool(torch.isfinite(g).all()) for g in gradients)


@pytest.mark.parametrize("n_patches", [1, 2, 7])
def test_a_single_patch_is_embedded_while_training(n_patches: int) -> None:
    encoder = make(chunk=2).train()
    bags = torch.full((2, 9, *SPEC.sizes[1:]), torch.nan)
    bags[0, :n_patches] = torch.rand(n_patches, *SPEC.sizes[1:])
    assert bool(torch.isfinite(encoder(bags)).all())
    assert encoder.patches.training


def test_chunks_change_neither_embedding_nor_gradient_nor_statistics() -> None:
    """Without batch norm, which looks at a chunk, everything is the same; with it, memory is."""
    bags = make_bags()
    results: list[list[torch.Tensor]] = []
    patches = {"name": "vit", "patch_size": 8, "width": 6, "depth": 1, "heads": 2, "dropout": 0.0}
    for chunk in (2, 64):
        encoder = make(chunk=chunk, patch_encoder=patches).train()
        embedding = encoder(bags)
        embedding.square().sum().backward()
        results.append([embedding, *(p.grad for p in encoder.parameters() if p.grad is not None)])
    assert len(results[0]) > 10
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_running_statistics_move_once_per_chunk() -> None:
    bags = make_bags()
    states: list[dict[str, torch.Tensor]] = []
    for with_gradient in (False, True):
        encoder = make(chunk=2).train()
        with torch.set_grad_enabled(with_gradient):
            embedding = encoder(bags)
        if with_gradient:
            embedding.sum().backward()
        states.append({k: v for k, v in encoder.state_dict().items() if "running" in k})
    assert states[0]
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value)


def test_activations_are_kept_for_one_chunk_only() -> None:
    """What autograd keeps between forward and backward, in bytes beyond the pixels."""

    def kept(n_patches: int) -> int:
        encoder = make(chunk=4).train()
        bags = torch.rand(1, n_patches, *SPEC.sizes[1:])
        sizes: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            is_map = tensor.ndim == 4 and tensor.shape[1] != 3
            if is_map:
                sizes[tensor.data_ptr()] = tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            encoder(bags)
        gc.collect()
        return sum(sizes.values())

    assert kept(4) > 0
    assert kept(40) == 0


def test_attention_is_trained_from_the_first_epoch_and_the_patch_encoder_by_its_settings() -> None:
    patches = {"name": "resnet", "depth": 18, "unfreeze_every": 2, "learning_rate_decay": 0.5}
    settings = {"name": "attention_mil", "patch_encoder": patches}
    spec = {"slide": ArraySpec("bag", (2, 3, 32, 32))}
    network = Network(spec, {"slide": settings}, None, n_outputs=2, link="softmax")
    encoder = network.encoder("slide")
    assert isinstance(encoder, AttentionMil)
    assert len(encoder.stages()) == 6

    def trained() -> list[bool]:
        flags = [next(s.parameters()).requires_grad for s in encoder.stages()]
        return flags

    network.set_epoch(0)
    assert trained() == [False] * 5 + [True]
    network.set_epoch(2)
    assert trained() == [False] * 4 + [True] * 2
    network.set_epoch(50)
    assert trained() == [True] * 6
    rates = sorted(group["lr"] for group in network.parameter_groups(1.0))
    assert rates == [0.5**k for k in (5, 4, 3, 2, 1, 0)]


def test_pretrained_weights_are_those_of_the_patch_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = make()
    loaded: list[nn.Module] = []
    monkeypatch.setattr(type(encoder.patches), "load_pretrained", lambda self: loaded.append(self))
    encoder.load_pretrained()
    assert loaded == [encoder.patches]


def test_settings_of_the_patch_encoder_are_filled_in_and_checked() -> None:
    def resolve(value: Any) -> dict[str, Any]:
        return registry.resolve(AttentionMil, {"patch_encoder": value}, where="encoder")

    assert registry.resolve(AttentionMil, {}, where="e")["patch_encoder"]["weights"] == "none"
    filled = resolve("vgg")["patch_encoder"]
    assert filled["name"] == "vgg"
    assert len(filled) > 1
    with pytest.raises(StudyError, match=r"patch_encoder\.depht: unknown key\. Did you mean 'dept"):
        resolve({"name": "resnet", "depht": 34})
    with pytest.raises(StudyError, match=r"patch_encoder: mlp reads vector.*Choose another"):
        resolve("mlp")
    with pytest.raises(StudyError, match=r"encoder\.patch_encoder: found 3, expected"):
        resolve(3)
