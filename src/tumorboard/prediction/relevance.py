"""Layer-wise relevance propagation from an arm's answer back to its table features."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.assembly import Network
from tumorboard.models.encoders.mlp import Mlp
from tumorboard.models.fusion.concatenation import Concatenation
from tumorboard.models.fusion.early import Early
from tumorboard.models.fusion.gated import Gated
from tumorboard.models.fusion.late_average import LateAverage


@dataclass(frozen=True)
class Rule:
    """How a layer's relevance is shared among its inputs.

    Args:
        epsilon: Added to the size of every sum, so that none near 0 gives endless relevance.
        gamma: Share by which positive weights count more; 0 leaves them.
    """

    epsilon: float
    gamma: float


@dataclass(frozen=True)
class Relevance:
    """Where the answers of some rows came from; `output` is `kept` plus all relevance.

    Args:
        inputs: Vector modality -> (n, F_m) relevance of its features.
        whole: Modality without features, such as an image -> (n,) relevance.
        kept: (n,) what stays with biases, stabilisers and stand-ins of absent modalities.
        output: (n,) the answer: difference of two logits, or one class's logit of several.
    """

    inputs: Mapping[str, torch.Tensor]
    whole: Mapping[str, torch.Tensor]
    kept: torch.Tensor
    output: torch.Tensor


def why_not(network: Network, vectors: Sequence[str]) -> str:
    """Why relevance cannot be followed through this network; "" where it can."""
    fusion = network.fusion
    if fusion is not None and not isinstance(fusion, Concatenation | Early | Gated | LateAverage):
        return (
            f"relevance has no rule for the fusion {type(fusion).__name__.lower()}; ask "
            "integrated_gradients instead."
        )
    if isinstance(fusion, LateAverage) and len(vectors) > 1:
        return "late fusion of several tables has no answer of one table to explain."
    parts: list[nn.Module] = (
        [fusion.layers] if isinstance(fusion, Early) else [network.encoder(n) for n in vectors]
    )
    for part in parts:
        if not isinstance(part, Mlp):
            return f"relevance has no rule for the encoder {type(part).__name__}."
        if any(isinstance(layer, nn.LayerNorm) for layer in part.layers):
            return (
                'layer normalisation (norm = "layer") differs from patient to patient and cannot '
                "be folded into a layer; ask integrated_gradients instead."
            )
    return ""


@dataclass(frozen=True)
class _Dense:
    weight: torch.Tensor
    bias: torch.Tensor


def dense_layers(layers: nn.Sequential) -> list[_Dense]:
    """Dense layers with their batch norm folded in; each is followed by a ReLU.

    Raises:
        StudyError: A layer that no rule knows.
    """
    found: list[_Dense] = []
    for layer in layers:
        if isinstance(layer, nn.Linear):
            bias = dict(layer.named_parameters()).get("bias")  # none where batch norm takes it away
            bias = torch.zeros_like(layer.weight[:, 0]) if bias is None else bias
            found.append(_Dense(layer.weight, bias))
        elif isinstance(layer, nn.BatchNorm1d):
            found[-1] = _folded(found[-1], layer)
        elif not isinstance(layer, nn.ReLU | nn.Dropout):
            raise StudyError(f"relevance has no rule for the layer {type(layer).__name__}.")
    return found


def follow(
    network: Network,
    inputs: Mapping[str, torch.Tensor],
    present: torch.Tensor,
    *,
    target: int,
    vectors: Sequence[str],
    rule: Rule,
) -> Relevance:
    """Follow the answer for `target` back to the features of the vector modalities.

    A gate's shares and a hyperbolic tangent pass relevance on as they are: what is weighed gets it,
    not the weighing. At the decision level the table's own branch is explained.

    Args:
        network: A network that `why_not` has nothing against.
        inputs: As for the network.
        present: (n, M).
        target: Class index.
        vectors: Modalities that hand over vectors.
        rule: How relevance is shared.

    Source:
        Montavon et al., Layer-wise relevance propagation: an overview, 2019 (epsilon and gamma
        rule, batch norm folded); Arras et al., 2017 (all to the signal, none to the gate).
    """
    network = copy.deepcopy(network).double().cpu().eval()
    doubled = {name: array.double().cpu() for name, array in inputs.items()}
    with torch.no_grad():
        embeddings = network.embed(doubled, present)
        by_modality, kept, output = _to_embeddings(
            network, embeddings, present, target, vectors, rule
        )
        found: dict[str, torch.Tensor] = {}
        whole: dict[str, torch.Tensor] = {}
        for name, relevance in by_modality.items():
            if name not in vectors:
                whole[name] = relevance.sum(dim=1)
            elif network.level == "input":
                found[name] = relevance
            else:
                encoder = network.encoder(name)
                layers = dense_layers(encoder.layers) if isinstance(encoder, Mlp) else []
                found[name], stayed = _through(layers, doubled[name], relevance, rule)
                kept = kept + stayed
    return Relevance(found, whole, kept, output)


def _to_embeddings(
    network: Network,
    embeddings: Sequence[torch.Tensor],
    present: torch.Tensor,
    target: int,
    vectors: Sequence[str],
    rule: Rule,
) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """Relevance of every modality's embedding, what was kept, and the answer."""
    fusion = network.fusion
    if isinstance(fusion, LateAverage):
        (name,) = vectors
        m = network.names.index(name)
        head = _contrast(network.heads[m], target)
        relevance, kept, output = _start(head, embeddings[m], rule)
        has = present[:, m]
        zero = torch.zeros_like(output)
        relevance = torch.where(has[:, None], relevance, 0.0)
        return {name: relevance}, torch.where(has, kept, zero), torch.where(has, output, zero)
    head = _contrast(network.heads[0], target)
    if fusion is None:
        relevance, kept, output = _start(head, embeddings[0], rule)
        return {network.names[0]: relevance}, kept, output
    if isinstance(fusion, Gated):
        return _gated(network, fusion, head, embeddings, present, rule)
    return _joined(network, fusion, head, embeddings, present, rule)


def _joined(
    network: Network,
    fusion: nn.Module,
    head: _Dense,
    embeddings: Sequence[torch.Tensor],
    present: torch.Tensor,
    rule: Rule,
) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """Through vectors side by side; stand-ins of absent modalities and flags keep theirs."""
    if isinstance(fusion, Early):
        parts = [*fusion.tokens(embeddings, present), present.double()]
        layers = dense_layers(fusion.layers.layers)
    elif isinstance(fusion, Concatenation):
        parts = fusion.tokens(embeddings, present)
        layers = dense_layers(fusion.layers)
    else:
        raise StudyError(f"relevance has no rule for the fusion {type(fusion).__name__}.")
    joined = torch.cat(parts, dim=1)
    top, kept, output = _start(head, _activations(layers, joined)[-1], rule)
    relevance, stayed = _through(layers, joined, top, rule)
    kept = kept + stayed
    pieces = relevance.split([part.shape[1] for part in parts], dim=1)
    found: dict[str, torch.Tensor] = {}
    for m, name in enumerate(network.names):
        has = present[:, m : m + 1]
        found[name] = torch.where(has, pieces[m], 0.0)
        kept = kept + torch.where(has, 0.0, pieces[m]).sum(dim=1)
    if len(pieces) > len(network.names):
        kept = kept + pieces[-1].sum(dim=1)
    return found, kept, output


def _gated(
    network: Network,
    fusion: Gated,
    head: _Dense,
    embeddings: Sequence[torch.Tensor],
    present: torch.Tensor,
    rule: Rule,
) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """Through the weighted sum: the parts of the sum are inputs of the head."""
    weights = network.answer(embeddings, present).weights
    if weights is None:
        raise StudyError("relevance: the gated fusion gave no weights.")
    layers: list[_Dense] = []
    signals: list[torch.Tensor] = []
    for m, projection in enumerate(fusion.projections):
        layer = _dense(projection)
        value = torch.tanh(embeddings[m] @ layer.weight.T + layer.bias)
        signals.append(torch.where(present[:, m : m + 1], weights[:, m : m + 1] * value, 0.0))
        layers.append(layer)
    stacked = _Dense(head.weight.repeat(1, len(layers)), head.bias)
    relevance, kept, output = _start(stacked, torch.cat(signals, dim=1), rule)
    found: dict[str, torch.Tensor] = {}
    for m, (name, piece) in enumerate(
        zip(network.names, relevance.split(fusion.output_size, dim=1), strict=True)
    ):
        found[name], stayed = _share(layers[m], embeddings[m], piece, rule)
        kept = kept + stayed
    return found, kept, output


def _start(
    head: _Dense, x: torch.Tensor, rule: Rule
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Relevance of the head's inputs, what it keeps, and the answer itself."""
    output = x @ head.weight.T + head.bias
    relevance, kept = _share(head, x, output, Rule(rule.epsilon, 0.0))
    return relevance, kept, output[:, 0]


def _through(
    layers: Sequence[_Dense], x: torch.Tensor, relevance: torch.Tensor, rule: Rule
) -> tuple[torch.Tensor, torch.Tensor]:
    """Relevance of the inputs of layers with ReLU, and what the layers keep.

    The gamma rule presumes inputs that are not negative, which the first layer's are not.
    """
    kept = torch.zeros_like(relevance[:, 0])
    before = _activations(layers, x)[:-1]
    for number in reversed(range(len(layers))):
        chosen = rule if number else Rule(rule.epsilon, 0.0)
        relevance, stayed = _share(layers[number], before[number], relevance, chosen)
        kept = kept + stayed
    return relevance, kept


def _activations(layers: Sequence[_Dense], x: torch.Tensor) -> list[torch.Tensor]:
    found = [x]
    for layer in layers:
        found.append((found[-1] @ layer.weight.T + layer.bias).relu())
    return found


def _share(
    layer: _Dense, x: torch.Tensor, relevance: torch.Tensor, rule: Rule
) -> tuple[torch.Tensor, torch.Tensor]:
    """Share a layer's relevance among its inputs in proportion to what each put into the sum."""
    weight = layer.weight + rule.gamma * layer.weight.clamp_min(0)
    bias = layer.bias + rule.gamma * layer.bias.clamp_min(0)
    total = x @ weight.T + bias
    stabiliser = torch.where(total >= 0, rule.epsilon, -rule.epsilon).to(total.dtype)
    per_unit = relevance / (total + stabiliser)
    kept = (per_unit * (bias + stabiliser)).sum(dim=1)
    return x * (per_unit @ weight), kept


def _contrast(head: nn.Module, target: int) -> _Dense:
    """The head's unit of what is explained: one logit minus the other, or one of several."""
    layer = _dense(head)
    if len(layer.bias) != 2:
        return _Dense(layer.weight[target : target + 1], layer.bias[target : target + 1])
    other = 1 - target
    return _Dense(
        (layer.weight[target] - layer.weight[other])[None],
        (layer.bias[target] - layer.bias[other])[None],
    )


def _dense(layer: nn.Module) -> _Dense:
    if not isinstance(layer, nn.Linear):
        raise StudyError(f"relevance has no rule for the layer {type(layer).__name__}.")
    return _Dense(layer.weight, layer.bias)


def _folded(layer: _Dense, norm: nn.BatchNorm1d) -> _Dense:
    """The layer and the batch norm after it as one layer, with the statistics of training."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise StudyError("relevance: batch norm without training statistics cannot be folded.")
    scale = norm.weight / (variance + norm.eps).sqrt()
    return _Dense(layer.weight * scale[:, None], (layer.bias - mean) * scale + norm.bias)
