"""LoRA adapters for language models of any make: which layers get them, and stages of training."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from tumorboard.errors import InputError, RunError

#: Names of the linear layers that ask and answer in attention, as the makers call them. The paper
#: adapts these two (queries and values); where all three are one layer, that one.
_TARGETS = (
    "query", "value", "q_proj", "v_proj", "query_proj", "value_proj", "q_lin", "v_lin",
    "Wqkv", "qkv", "qkv_proj", "query_key_value", "in_proj", "q", "v",
)  # fmt: skip


def adapter_targets(network: nn.Module) -> list[str]:
    """Full names of the linear layers that get an adapter.

    Raises:
        InputError: None is known.
    """
    linear = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    found = [name for name in linear if name.rpartition(".")[2] in _TARGETS]
    if not found:
        names = sorted({name.rpartition(".")[2] for name in linear})
        raise InputError(
            f'language_model: tune = "lora" knows none of the layers {", ".join(names[:12])}; '
            f'expected one of {", ".join(_TARGETS)}. Use tune = "full" or "frozen".'
        )
    return found


def add_adapters(
    network: nn.Module, *, rank: int, alpha: float, dropout: float
) -> list[nn.ParameterList]:
    """Put adapters into a network, whose own weights are frozen for good.

    Args:
        network: Changed in place; its answer stays what it was until the adapters are trained.
        rank: Of each adapter.
        alpha: Their weight is `alpha / rank`.
        dropout: Share of their inputs dropped while training.

    Returns:
        The adapters' weights, one list per layer of the network from input to output.

    Source:
        Hu et al., LoRA, ICLR 2022, in peft's implementation.
    """
    try:
        import peft
    except ImportError as error:
        raise RunError(
            'language_model: tune = "lora" needs the library peft, which is not installed. Run: '
            'pip install "tumorboard[notes]"'
        ) from error
    settings = peft.LoraConfig(
        r=rank,
        lora_alpha=cast("int", alpha),
        lora_dropout=dropout,
        target_modules=adapter_targets(network),
    )
    peft.inject_adapter_in_model(settings, network)
    layers: dict[str, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            layers.setdefault(_layer_of(name), []).append(parameter)
    return [nn.ParameterList(own) for own in layers.values()]


def load_below_adapters(network: nn.Module, weights: nn.Module) -> None:
    """Take up the weights of a network without adapters; the adapters stay."""
    own = {
        name.replace(".base_layer.", "."): value
        for name, value in network.state_dict().items()
        if ".lora_" not in name
    }
    given = weights.state_dict()
    if own.keys() != given.keys():
        raise RuntimeError("two builds of one architecture have different parameters")
    for name, value in own.items():
        value.copy_(given[name])


def layers_of(network: Any) -> nn.ModuleList:
    """The repeated layers of a transformer, from input to output.

    Raises:
        InputError: It has none that are listed.
    """
    wanted = int(network.config.num_hidden_layers)
    for part in network.modules():
        if isinstance(part, nn.ModuleList) and len(part) == wanted:
            return part
    raise InputError(
        f"language_model: {network.config.model_type} lists no {wanted} layers, which "
        'unfreezing in stages needs. Use tune = "frozen" or "lora".'
    )


def stages_of(network: Any) -> list[nn.Module]:
    """Embeddings, then each layer; the last with what follows the layers."""
    layers = layers_of(network)
    embeddings = getattr(network, "embeddings", None)
    staged = {id(p) for part in (layers, embeddings) if part is not None for p in part.parameters()}
    rest = nn.ParameterList([p for p in network.parameters() if id(p) not in staged])
    *lower, last = layers
    first = [] if embeddings is None else [embeddings]
    return [*first, *lower, nn.ModuleList([last, rest])]


def _layer_of(name: str) -> str:
    """The layer that a parameter belongs to: the part of its name up to the first number."""
    parts = name.split(".")
    end = next((k for k, part in enumerate(parts) if part.isdigit()), 0)
    return ".".join(parts[: end + 1])
