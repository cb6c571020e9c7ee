"""Words that change what a mention in a clinical sentence means, and how far they reach.

Sources: NegEx (Chapman et al., J Biomed Inform 2001;34:301-310), ConText (Harkema et al., J Biomed
Inform 2009;42:839-851): which kinds of phrase there are, and in which direction each reaches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

#: What a phrase says of the mentions in its reach; `pseudo` looks like a trigger and is none.
Meaning = Literal["negated", "uncertain", "historical", "hypothetical", "recent", "other", "pseudo"]
#: Where the mentions stand: behind the phrase, before it, or on both sides.
Direction = Literal["after", "before", "both"]

#: Phrases by meaning and direction, separated by `|`; `#` is a number, `_` up to two words.
_PHRASES: dict[tuple[Meaning, Direction], str] = {
    ("negated", "after"): """
        no|not|non|without|w/o|denies|denied|denying|deny|absence of|lack of|lacks|lacking|
        negative for|neg for|never had|never|neither|nor|free of|clear of|no evidence of|
        no _ evidence of|no evidence for|no sign of|no signs of|no findings of|no suggestion of|
        no complaints of|no complaint of|no history of|no _ history of|no family history of|
        not have|does not have|did not have|not demonstrate|not show|not exhibit|not appear|
        not reveal|not see|not feel|not known to have|not associated with|fails to reveal|
        failed to reveal|rules out|ruled out|ruled out for|rule him out|rule her out|
        can rule out|did rule out|did rule him out|did rule her out|patient was not|
        unremarkable for|instead of|rather than|resolution of|nothing to suggest|
        not to suggest|no longer|no new|no other|no further|no significant|no definite|
        inconsistent with|not consistent with|against|unlikely to have|none of|cannot see|
        not complain of|not complaining of|no reported|test negative for|tested negative for|
        without any evidence of|without evidence of|without indication of|no radiographic|
        no abnormal|no mammographic evidence of|not support|no findings to suggest|
        no _ to suggest|low suspicion for|low suspicion of|low probability of|low likelihood of|
        declined to|declines to|refused to|refuses to|but declined|but refused|but denied|
        declined|declines|declining|refused|refuses|refusing|not had|not had any|opted against|
        non-neoplastic|non-tumor|non-tumour|non-tumorous|
        never received|not received|not been offered|never started|not started|not required|
        not needed|not offered|not pursued|not undertaken
        """,
    ("negated", "before"): """
        is negative|was negative|are negative|were negative|negative|is absent|are absent|
        was absent|were absent|absent|not seen|not identified|not present|not found|not observed|
        not detected|not demonstrated|not noted|not appreciated|not visualized|not visualised|
        not evident|not apparent|not palpable|not involved|is ruled out|are ruled out|
        was ruled out|were ruled out|been ruled out|is excluded|was excluded|been excluded|
        is not _ seen|are not _ seen|unlikely|is unlikely|was denied|are denied|were denied|
        is denied|not felt to be|resolved|has resolved|have resolved|has been ruled out|
        none|not appear to be present|uninvolved|nil|not given|not been given|never given|
        not administered|not been administered|not performed|not been performed|never performed|
        not done|not been done|not indicated|not recommended|not been started|is declined|
        was declined|were declined|been declined|is refused|was refused|were refused|
        been refused|withheld|
        contraindicated
        """,
    ("uncertain", "after"): """
        possible|possibly|probable|probably|presumed|presumably|potential|questionable|
        question of|likely|most likely|suspected|suspect|suspicious for|suspicion of|
        suspicion for|concern for|concerning for|worrisome for|suggestive of|suggesting|suggests|
        may be|may have|may represent|may reflect|might be|might have|might represent|could be|
        could have|could represent|rule out|r/o|to rule out|cannot exclude|can not exclude|
        cannot rule out|can not rule out|not excluded|cannot be excluded|not rule out|
        be ruled out for|must be ruled out for|should be ruled out for|evaluate for|
        differential diagnosis|differential includes|differential|versus|vs|equivocal for|
        borderline|indeterminate for|favor|favors|favour|favours|felt to be|thought to be|
        appears to be|cannot completely exclude|raises the possibility of|possibility of
        """,
    ("uncertain", "before"): """
        is possible|possible|is suspected|suspected|is likely|is questionable|questionable|
        cannot be excluded|can not be excluded|cannot be ruled out|can not be ruled out|
        not excluded|not ruled out|could not be excluded|be ruled out|must be ruled out|
        must be excluded|to be excluded|should be ruled out|should be excluded|is equivocal|
        equivocal|is indeterminate|indeterminate|versus|vs|is in the differential|
        in the differential|likely represents
        """,
    ("historical", "after"): """
        history of|history|past medical history|past history|medical history|surgical history|
        pmh|pmhx|psh|h/o|hx of|hx|status post|s/p|prior|previous|previously|previous history of|
        old|remote|formerly|former|in the past|past|known history of|longstanding history of|
        social history|known prior|had been diagnosed with|personal history of|patient history
        """,
    ("historical", "before"): """
        in the past|years ago|# years ago|# year ago|# months ago|# month ago|several years ago|
        as a child|in childhood|by history|history|in remission|years prior|previously|
        last year|at age #|in #year
        """,
    ("recent", "after"): """
        # day history of|#-day history of|one day history of|two day history of|
        three day history of|few day history of|several day history of|# week history of|
        #-week history of|one week history of|two week history of|# hour history of|
        #-hour history of|day history of|days history of|week history of|weeks history of|
        hour history of|month history of|months history of|history of present illness|
        history of presenting illness|history of chief complaint|hpi|no change|
        chief complaint|presents with|presented with|presenting with|complains of|
        complaining of|brief history|history and physical|history physical|clinical history|
        history and examination|admission diagnosis|new|newly|recurrent|now has|currently
        """,
    ("hypothetical", "after"): """
        if|return for|return to the emergency department for|return if|should he|should she|
        should they|should the patient|should there|in case of|in the event of|
        as needed for|prn for|prn|call for|call with|call also for|contact for|watch for|
        monitor for|monitored for|risk of|risk for|at risk for|risks of|risks include|
        prophylaxis|to prevent|prevention of|precautions for|unless|planned|plan for|
        scheduled for|will undergo|will receive|will need|would need|recommend|recommended|
        consider|considered for|candidate for|to be treated with|educated about|
        instructed to return for|come back for|come back if|until
        """,
    ("hypothetical", "before"): "prophylaxis|precautions|is planned|are planned|is recommended",
    ("other", "both"): """
        family history|family history of|familial history of|fh|fhx|family hx|mother|father|
        mother's|father's|sister|sisters|brother|brothers|sibling|siblings|aunt|aunts|uncle|
        uncles|grandmother|grandfather|grandparent|grandparents|cousin|cousins|maternal|paternal|
        relative|relatives|first-degree relative|family member|family members|parents|
        half-sister|half-brother|niece|nephew|wife|husband|spouse|daughter|daughters|son|sons|
        brother's|sister's|roommate|donor|mom|dad
        """,
    ("pseudo", "after"): """
        no increase|no interval change|no significant change|no significant interval change|
        no suspicious change|no change|not change|not cause|not cause of|not certain if|
        not certain whether|not necessarily|not drain|not only|not extend|gram negative|
        gram-negative|without difficulty|without further|without any further|not further|
        no cause of|not been|not known|not sure|without incident|not well|not yet|not able|
        triple negative|triple-negative|no longer able|not to exceed|is negative in|rh negative|
        not limited to|family practice|        family physician|mother tongue|old man|old woman|
        old male|old female|year old|years old|
        year-old|month-old|day-old|past the|past #|per his wife|per her husband|nonetheless|
        with his wife|with her husband|with his mother|with her mother|with his daughter|
        with her daughter|with her son|with his son|with family|family members present|
        mother states|mother reports|wife states|wife reports|husband states|husband reports|
        daughter states|daughter reports|son states|son reports|by his wife|by her husband|
        by his daughter|by her daughter|by her son|by his son|by his mother|by her mother|
        history of present|without complication|without complications|most likely due to|
        no prior study|no prior studies|no comparison|no priors|prior to|prior study|prior exam|
        prior examination|prior ct|prior mri|compared to prior|previous study|previous exam|
        previous examination|comparison with prior|if possible|if needed|as if|
        no doubt|no question|relative to|diagnosis & history|diagnosis and history|
        data/history|declined after|declined since|declined following|declined from|declined to #|
        declined by #|declined on|declined over|declined during|declined despite|declined while
        """,
}  # fmt: skip

#: Words that end the reach of a phrase before them, by what they end.
_ENDS: dict[str, str] = {
    "negated": """
        but|however|nevertheless|yet|though|although|except|except for|apart from|aside from|
        besides|still|which|who|secondary to|due to|because of|as a cause of|as the cause of|
        as an etiology|as the source of|origin of|cause for|cause of|reason for|source of|
        trigger event for|has|had|have|presents|presented|presenting|there is|there are|
        there was|was found|were found|found to have|found to be|shows|showed|demonstrates|
        demonstrated|reveals|revealed|consistent with|with|status post|s/p|patient is|patient was|
        he is|she is|he was|she was|he does have|she does have|positive for|is positive|
        developed|complains of|complained of|reports|reported|since|until|and is|and was|
        and has|and had|and the|and there|remained|when|while|where|so that|to|
        currently|now|felt|is|are|was|were
        """,
    "uncertain": """
        but|however|although|though|which|who|secondary to|due to|because of|there is|there are|
        has|had|have|presented|consistent with|demonstrates|shows
        """,
    "historical": """
        but|however|which|who presents|who presented|presents|presented|presenting|
        now|currently|today|here|there is|there are|noted|on exam|on examination|admitted|
        complains|complained|complaining|reports|states|was found|found to have|developed|
        came|came in|comes in|is here|shows|showed|demonstrates|demonstrated|reveals|revealed|
        he is|she is|with new|new|he denies|she denies|denies
        """,
    "hypothetical": "but|however|which|because|since|otherwise|then|who",
    "recent": "but|however|which|who|with a history|past medical history|history of",
    "other": """
        but|however|patient|the patient|patient's|he|she|who has|his own|her own|pt|denies|
        presents|presented|personal history
        """,
}  # fmt: skip

#: Words of a mention's distance that a phrase reaches at most; the rest reach to the end.
REACH: dict[tuple[str, str], int] = {
    ("negated", "before"): 8,
    ("uncertain", "before"): 8,
    ("uncertain", "after"): 12,
    ("historical", "before"): 8,
}
#: The same for single phrases: "non-" speaks of the word that it stands at.
OWN_REACH: dict[str, int] = {
    "non": 0, "non-neoplastic": 1, "non-tumor": 1, "non-tumour": 1, "non-tumorous": 1,
}  # fmt: skip


def _words(block: str) -> list[str]:
    return [word for word in (part.strip() for part in block.split("|")) if word]


def _pattern(phrase: str) -> str:
    """Regular expression of one phrase: any space, `#` a number, `_` one or two words."""
    parts: list[str] = []
    for word in phrase.split():
        if word == "_":
            parts.append(r"\w+(?:\s+\w+)?")
        else:
            escaped = re.escape(word).replace(r"\#year", r"(?:19|20)\d\d")
            parts.append(escaped.replace(r"\#", r"\d+").replace("'", "['\u2019]"))
    return r"[\s,]+".join(parts) if len(parts) > 1 else parts[0]


def _compiled(patterns: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w])(?:{'|'.join(patterns)})(?![\w])", re.IGNORECASE)


@dataclass(frozen=True)
class Phrases:
    """Phrases of one meaning and direction that begin with one word, the longest first."""

    pattern: re.Pattern[str]
    meaning: Meaning
    direction: Direction


def first_word(text: str) -> str:
    """What phrases are found by: a word in small letters, "#" for a number."""
    return "#" if text[0].isdigit() else text.lower()


def _by_first_word() -> dict[str, list[Phrases]]:
    """First word -> the phrases that begin with it."""
    found: dict[str, dict[tuple[Meaning, Direction], list[str]]] = {}
    for key, block in _PHRASES.items():
        for phrase in sorted(_words(block), key=len, reverse=True):
            word = re.match(r"[\w#]+", phrase)
            first = "#" if phrase[0] == "#" else word.group() if word else phrase
            found.setdefault(first, {}).setdefault(key, []).append(_pattern(phrase))
    return {
        first: [Phrases(_compiled(patterns), *key) for key, patterns in groups.items()]
        for first, groups in found.items()
    }


#: First word -> the phrases that begin with it.
TRIGGERS = _by_first_word()
#: Meaning -> expression of the words that end its reach.
ENDS = {
    meaning: _compiled([_pattern(w) for w in sorted(_words(block), key=len, reverse=True)])
    for meaning, block in _ENDS.items()
}
#: What ends every reach: a semicolon, a sentence's end, a heading, a bullet or numbered item.
BREAK = re.compile(
    r";|[.!?]\s+(?=[A-Z(*\d])|(?<![A-Za-z])(?:[A-Z][A-Za-z/&()]+[ ]?){1,5}:(?!\d)|\n\s*[-*\u2022]"
    r"|(?<!\w)\d{1,2}[.)]\s+(?=[A-Z])"
)
#: An answer behind what was asked for: "Hypertension: no."; "No. 3" counts and answers nothing.
ANSWER = re.compile(
    r"(?:\s*(?:and|or|/|&)\s*[\w-]+)?(?:\s+(?:given|received|status|use|history|performed|done))?"
    r"(?:\s*[:=?(]|\s+[-\u2013])\s*(?P<no>no|none|never|nil)\b(?!\.?\s*[\d#])"
    r"(?=\s*(?:$|[.,;)\]\n]|(?-i:[A-Z])[\w /-]*:))",
    re.IGNORECASE,
)
#: Who is not given something: it stands behind, "she was not given chemotherapy".
NOT_GIVEN = frozenset({"not given", "not been given", "never given"})
WHO = re.compile(r"\b(?:she|he|they|patients?|pt)\s+(?:was|were|is|are|has|had|have)\s+$", re.I)
#: "Seizure-free since 2018"; not "free fluid".
FREE = re.compile(
    r"[- ]free\b(?! (?:of|fluid|air|gas|text|margins?|T[34]|(?:\w+ )?flaps?)\b)", re.I
)
#: What is in parentheses, and a measure, which a phrase beside it speaks of.
PARENTHESES = re.compile(r"\([^()]*\)")
MEASURE = re.compile(r"\d\s*-?(?:mm|cm)\b", re.I)
#: Phrases that speak of what stands before them where nothing follows that they could speak of.
LAST_WORDS = frozenset(
    {
        "denied", "declined", "refused", "but denied", "but declined", "but refused",
        "never received", "not received", "not been offered", "never started", "not started",
        "not required", "not needed", "not offered", "not pursued", "not undertaken",
    }
)  # fmt: skip
#: What follows them then.
LAST = re.compile(
    r"\s*(?:$|[.,;:)]|(?:yet|by|due|because|at|until|since|so|and|but|on account|in view)\b)",
    re.IGNORECASE,
)
#: Who refuses one thing for another has the other: "refused morphine for the pain".
REFUSALS = frozenset({"declined", "declines", "declining", "refused", "refuses", "refusing"})
FOR = re.compile(r"\b(?:for|as)\b", re.IGNORECASE)
#: The same for phrases that reach backwards, whatever they mean.
ENDS_BEFORE = _compiled(
    _words("but|however|although|though|which|who|and|with|because|there is|there are|shows")
)
#: Things listed up to a verb in the plural: "surgery and chemotherapy were not given".
LISTED = re.compile(
    r"(?:\s*,\s*[\w-]+(?:\s[\w-]+)?)*,?\s+and\s+[\w-]+(?:\s[\w-]+)?\s+(?:are|were|have)\b",
    re.IGNORECASE,
)
#: A clause with a verb of its own, up to its comma: "surgery was done, chemotherapy not given".
CLAUSE = re.compile(
    r"\b(?:is|are|was|were|has|had|have|given|received|done|performed|completed)\b[^,]*,",
    re.IGNORECASE,
)
