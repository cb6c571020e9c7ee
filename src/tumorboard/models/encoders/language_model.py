"""Language model over notes, from a local folder or the one that a package carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.formats.text_bytes import to_texts
from tumorboard.models import language_folders as folders
from tumorboard.models.adapters import add_adapters, load_below_adapters, stages_of
from tumorboard.models.encoders import Encoder, Tokens
from tumorboard.models.kept_embeddings import Array, KeptEmbeddings
from tumorboard.models.setting_types import Count, Dropout, Factor, Positive, WholeNumber
from tumorboard.models.token_windows import Windows, cut, mean_of, padded
from tumorboard.records import ArraySpec, Layout

#: Tokens that a frozen model reads at a time, fillers included: 16 windows of 256.
_TOKENS_AT_ONCE = 4096


class LanguageModel(Encoder):
    """Pretrained language model over notes: frozen with kept embeddings, LoRA, or trained in full.

    Nothing is downloaded and no code of a model is run. A frozen model reads each text once, for
    all folds and epochs: its tokens are kept in memory and in the cache. A long note is read in
    overlapping windows whose tokens are all kept. A saved model carries the tokeniser and the
    architecture; of a frozen or LoRA model the weights stay in their folder and are checked by
    their SHA-256 (another machine finds the folder through `TUMORBOARD_MODELS`).

    Args:
        model: "embedded" (MiniLM, 384 wide, from its package) or the folder of any encoder that
            transformers opens: config.json, tokeniser and model.safetensors.
        tune: "frozen" trains what follows alone, "lora" small adapters in its attention, "full"
            every weight.
        pool: How its tokens become one vector: `own` as its authors say in the folder (else the
            mean), the `mean`, or the first mark (`cls`).
        max_tokens: Tokens of a window, the marks at its ends included.
        overlap: Tokens that a window shares with the one before.
        max_windows: Windows of a note; what is behind them is left out.
        precision: Of a frozen model: `auto` is bfloat16 where the hardware has it.
        rank: Rank of LoRA's adapters.
        alpha: LoRA's weight is `alpha / rank`.
        unfreeze_every: Epochs after which one more stage is trained, the last first; 0 trains all.
        frozen_epochs: Epochs before the first stage is trained; "same" is as many as between two.
        learning_rate_decay: Factor on the learning rate for every layer further from the output.
        recompute: Compute layers again on the way back instead of keeping them: less memory.
        dropout: Share of the embedding, and of the inputs of adapters, dropped while training.

    Source:
        Reimers & Gurevych, Sentence-BERT, EMNLP 2019 (mean of tokens); Hu et al., LoRA, ICLR 2022;
        Howard & Ruder, ACL 2018 (stages).
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"text"})
    reads: ClassVar[tuple[str, str]] = ("tokens", "max_windows")

    def __init__(
        self,
        spec: ArraySpec,
        *,
        model: str = folders.EMBEDDED,
        tune: Literal["frozen", "lora", "full"] = "frozen",
        pool: Literal["own", "mean", "cls"] = "own",
        max_tokens: Count = 256,
        overlap: WholeNumber = 32,
        max_windows: Count = 4,
        precision: Literal["auto", "bf16", "fp32"] = "auto",
        rank: Count = 8,
        alpha: Positive = 16.0,
        unfreeze_every: WholeNumber = 0,
        frozen_epochs: WholeNumber | Literal["same"] = "same",
        learning_rate_decay: Factor = 1.0,
        recompute: bool = False,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(spec)
        self.model, self.tune = model, tune
        self.max_tokens, self.overlap, self.max_windows = max_tokens, overlap, max_windows
        self._is_half = folders.has_bfloat16() if precision == "auto" else precision == "bf16"
        self.unfreeze_every, self.frozen_epochs = unfreeze_every, frozen_epochs
        self.learning_rate_decay = learning_rate_decay
        self.keeps_embeddings = tune == "frozen"
        self._files = dict(spec.files) or folders.small_files(folders.find_folder(model))
        self._tokenizer = folders.tokenizer_of(self._files, where=model)
        config = folders.architecture_of(self._files, where=model)
        self._check_lengths(folders.longest_input(config, self._tokenizer))
        self.pool = folders.own_pooling(self._files) if pool == "own" else pool
        self.output_size = int(config.hidden_size)
        self._digest = self._files[folders.WEIGHTS_DIGEST].decode("ascii")
        self.kept = KeptEmbeddings(self._identity())
        self.network: nn.Module | None = None
        self.adapters = nn.ModuleList()
        #: A LoRA model's network, which is no part of the state: its weights are the folder's.
        self._below: list[nn.Module] = []
        self._has_weights = False
        if tune != "frozen":
            network = folders.built(config)
            if recompute:
                _recompute(network)
            self.network = network if tune == "full" else None
            self._below = [] if tune == "full" else [network]
        for network in self._below:
            self.adapters.extend(add_adapters(network, rank=rank, alpha=alpha, dropout=dropout))
        self.norm = nn.LayerNorm(self.output_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, L) bytes of notes as (B, output_size)."""
        texts = to_texts(x)
        if self.tune == "frozen":
            return self._finish(self._stacked(self.embed(texts, part="pooled")))
        return self._finish(torch.stack([pooled for pooled, _ in self._run(texts)]))

    def read(self, x: torch.Tensor) -> tuple[torch.Tensor, Tokens]:
        """Embed notes as (B, output_size), with all tokens of their windows."""
        texts = to_texts(x)
        if self.tune == "frozen":
            device = self.norm.weight.device
            # First the tokens: whoever reads them has the vectors too.
            arrays = self.embed(texts, part="tokens")
            found = [torch.from_numpy(one).to(device).float() for one in arrays]
            pooled = self._stacked(self.embed(texts, part="pooled"))
        else:
            pairs = self._run(texts)
            pooled = torch.stack([one for one, _ in pairs])
            found = [tokens for _, tokens in pairs]
        values, mask = padded(found)
        return self._finish(pooled), Tokens(self._finish(values), mask)

    def embed(
        self, texts: Sequence[str], *, part: Literal["pooled", "tokens"] = "pooled"
    ) -> list[Array]:
        """What the model without adapters says of each text; each distinct text is read once.

        Args:
            texts: Cleaned texts.
            part: "pooled" (output_size,) in single precision, or "tokens" (T, output_size) in
                half precision.
        """
        found = {text: self.kept.get(text, part) for text in dict.fromkeys(texts)}
        missing = [text for text, array in found.items() if array is None]
        if missing:
            found.update(self._read_frozen(missing, part))
        return [array for text in texts if (array := found[text]) is not None]

    def left_out(self, texts: Sequence[str]) -> tuple[int, ...]:
        """Tokens of each text behind its last window, which are not read."""
        return self._cut(texts).left_out if texts else ()

    def files(self) -> Mapping[str, bytes]:
        """Tokeniser and architecture, so that a saved model opens without the model's folder."""
        return self._files

    def stages(self) -> list[nn.Module]:
        """Embeddings and layers of a model in training, or the adapters of each; then the norm."""
        if self.network is not None:
            return [*stages_of(self.network), self.norm]
        return [*self.adapters, self.norm]

    def load_pretrained(self) -> None:
        """Take up the weights of the model's folder; a frozen model does when it first reads.

        Raises:
            InputError: The folder is absent, or its weights are not those of its architecture.
        """
        if self.network is not None:
            folder = folders.find_folder(self.model, digest=self._digest)
            self.network.load_state_dict(folders.with_weights(folder).state_dict(), strict=True)
        elif self._below:
            self._ready()

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        """A LoRA model's network goes to the device of its adapters."""
        for network in self._below:
            network._apply(fn)  # pyright: ignore[reportPrivateUsage]
        return super()._apply(fn, recurse)

    def _check_lengths(self, longest: int) -> None:
        marks = self._tokenizer.num_special_tokens_to_add()
        faults: list[str] = []
        if not marks < self.max_tokens <= longest:
            faults.append(
                f"language_model.max_tokens: found {self.max_tokens}, expected {marks + 1} to "
                f"{longest}, the places of this model."
            )
        if self.overlap >= self.max_tokens - marks:
            faults.append(
                f"language_model.overlap: found {self.overlap} with windows of {self.max_tokens} "
                "tokens, expected less than a window holds."
            )
        if faults:
            raise StudyError(faults)

    def _identity(self) -> dict[str, object]:
        """Everything beside the text that a frozen embedding depends on."""
        return {
            "weights": self._digest,
            "tokens": [self.max_tokens, self.overlap, self.max_windows],
            "pool": self.pool,
            "bf16": self._is_half,
        }

    def _cut(self, texts: Sequence[str]) -> Windows:
        return cut(
            self._tokenizer, texts, max_tokens=self.max_tokens, overlap=self.overlap,
            max_windows=self.max_windows,
        )  # fmt: skip

    def _finish(self, values: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.norm(values))

    def _stacked(self, arrays: Sequence[Array]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays)).to(self.norm.weight.device)

    def _ready(self) -> nn.Module:
        """The network of a model in training, with its weights and in the encoder's mode."""
        network = self.network if self.network is not None else self._below[0]
        if self._below and not self._has_weights:
            folder = folders.find_folder(self.model, digest=self._digest)
            with torch.inference_mode(False), torch.no_grad():
                load_below_adapters(network, folders.with_weights(folder))
            self._has_weights = True
        if self._below and network.training != self.training:
            network.train(self.training)
        return network

    def _run(self, texts: Sequence[str]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Vector (F,) and tokens (T, F) of each text, by a model in training."""
        network, windows = self._ready(), self._cut(texts)
        order = range(len(windows.ids))
        hidden = network(**windows.batch(order, self.norm.weight.device)).last_hidden_state
        return self._of_texts(windows, [hidden[i] for i in order])

    @torch.no_grad()
    def _read_frozen(self, texts: Sequence[str], part: str) -> dict[str, Array]:
        """Read texts that are not kept yet, windows of like length together, and keep them."""
        device = self.norm.weight.device
        folder = folders.find_folder(self.model, digest=self._digest)
        network = _frozen(str(folder), self._digest, self._is_half).to(device)
        windows = self._cut(texts)
        hidden: dict[int, torch.Tensor] = {}
        with torch.autocast(device.type, torch.bfloat16, enabled=self._is_half):
            for index in windows.by_length(_TOKENS_AT_ONCE):
                said = network(**windows.batch(index, device)).last_hidden_state.float().cpu()
                hidden.update(zip(index, said, strict=True))
        pairs = self._of_texts(windows, [hidden[i] for i in range(len(hidden))])
        found: dict[str, Array] = {}
        for text, (pooled, tokens) in zip(texts, pairs, strict=True):
            arrays = {"pooled": pooled.numpy()}
            if part == "tokens":  # large: kept only where somebody attends to them
                arrays["tokens"] = tokens.half().numpy()
            for name, array in arrays.items():
                self.kept.put(text, name, array)
            found[text] = arrays[part]
        return found

    def _of_texts(
        self, windows: Windows, hidden: Sequence[torch.Tensor]
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Vector and tokens of each text from what was said of its windows."""
        found: list[tuple[torch.Tensor, torch.Tensor]] = []
        start = 0
        for n in windows.n_windows:
            own = range(start, start + n)
            tokens = torch.cat([hidden[i][slice(*windows.kept[i])] for i in own])
            first = torch.stack([hidden[i][0] for i in own])
            found.append((mean_of(first if self.pool == "cls" else tokens), tokens))
            start += n
        return found


@lru_cache(maxsize=2)
def _frozen(folder: str, digest: str, is_half: bool) -> nn.Module:
    """A frozen model, once for all encoders of a process; nobody changes it.

    Weights of matrices are kept in half precision where they are read in it, so that they need not
    be rounded anew, to the same numbers, for every batch.
    """
    network = folders.with_weights(folders.find_folder(folder, digest=digest))
    for module in network.modules():
        if is_half and isinstance(module, nn.Linear):
            module.to(torch.bfloat16)
    return network.requires_grad_(False)


def _recompute(network: Any) -> None:
    network.activation_checkpointing_enable({"use_reentrant": False})
