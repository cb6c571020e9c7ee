"""How probable it is that another patient's text is the same, word for word, by chance.

Texts from one template share phrases and differ in a few choices and numbers, so that two may be
equal without a copy. The probability q of a text follows from the other texts, word by word:

    q = product over words of (c + 1) / (m + 1), or 1 where nobody else has the two words before,

where m counts the other patients' texts with the two words before it (every number alike), and c
those of them that go on with the same word or number. As choices may go together over a whole text
(everything normal), q is at least its estimate from the five most similar texts, as in
transforms/chance_matches.py. With n patients, chance gives at most q n (n - 1) / 2 pairs of equal
texts that are as improbable.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

_SIMILAR = 5


def chance_of_texts(
    texts: Sequence[Sequence[str]], plain: Sequence[Sequence[str]], asked: Sequence[int]
) -> list[float]:
    """Probability q that another patient has each of the texts asked about.

    Args:
        texts: Words of each patient's text with its numbers.
        plain: The same words with every number alike.
        asked: Numbers of texts.
    """
    steps = [_steps(own, masked) for own, masked in zip(texts, plain, strict=True)]
    before = Counter(context for own in steps for context in {context for context, _ in own})
    going_on = Counter(step for own in steps for step in own)
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        holders[tuple(text)].append(number)
    return [
        _chance(number, steps, before, going_on, set(holders[tuple(texts[number])]))
        for number in asked
    ]


#: The two words before, and the word.
Step = tuple[tuple[str, str], str]


def _steps(words: Sequence[str], plain: Sequence[str]) -> set[Step]:
    padded = ["", "", *plain]
    return {((padded[k], padded[k + 1]), word) for k, word in enumerate(words)}


def _chance(
    number: int, steps: Sequence[set[Step]], before: Counter[tuple[str, str]],
    going_on: Counter[Step], equal: set[int],
) -> float:  # fmt: skip
    own, n_equal = steps[number], len(equal)
    share: dict[Step, float] = {}
    for step in own:
        m, c = before[step[0]] - n_equal, going_on[step] - n_equal
        share[step] = (c + 1) / (m + 1)
    others = [i for i in range(len(steps)) if i not in equal]
    similar = sorted(others, key=lambda i: len(steps[i] & own), reverse=True)[:_SIMILAR]
    q, among = 1.0, len(similar) / len(steps)
    for step, p in share.items():
        q *= p
        c = sum(step in steps[i] for i in similar)
        k = len(similar)
        among *= (c + p) / (k + 1) if c else min(p, 1 / (k + 1))
    return max(q, among)
