"""Where a tumour is: organ, side, and lobe or quadrant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tumorboard.transforms.factor_mentions import TUMOUR, Mention, find_words, lexicon

_ORGANS = lexicon(
    {
        "brain": r"brain|cerebr(?:al|um)|cerebell(?:um|ar)|intracranial|brain ?stem"
        r"|thalam(?:us|ic)"
        r"|(?:frontal|temporal|parietal|occipital) lobes?|corpus callosum|intra-?axial"
        r"|supratentorial",
        "breast": r"breasts?|mammary",
        "lung": r"lungs?|pulmonary|bronch(?:us|ial|i)|lingula|[RL][UL]L|RML"
        r"|(?:upper|middle|lower) lobes?",
        "colon": r"colon|colonic|colorectal|sigmoid(?: colon)?|ca?ecum|ca?ecal|appendix"
        r"|rectosigmoid",
        "rectum": r"rectum|rectal",
        "anus": r"anus|anal canal",
        "small bowel": r"small bowel|small intestine|duoden(?:um|al)|jejun(?:um|al)|ile(?:um|al)",
        "stomach": r"stomach|gastric|antrum",
        "oesophagus": r"o?esophag(?:us|eal)|gastro-?o?esophageal",
        "liver": r"liver|hepatic|hepatocellular",
        "bile duct": r"bile duct|biliary|gallbladder|ampulla(?:ry)?",
        "pancreas": r"pancreas|pancreatic",
        "kidney": r"kidneys?|renal(?! failure| insufficiency| disease| function)|nephrectomy",
        "bladder": r"(?:urinary )?bladder|urothelial",
        "prostate": r"prostate|prostatic",
        "testis": r"testis|testes|testicular|testicle",
        "ovary": r"ovary|ovaries|ovarian|adnexal?",
        "uterus": r"uterus|uterine(?! cervix)|endometri(?:um|al)|myometri(?:um|al)",
        "cervix": r"(?:uterine )?cervix|cervical (?=cancer|carcinoma|cone|intraepithelial)",
        "thyroid": r"thyroid",
        "adrenal": r"adrenals?|adrenal gland",
        "larynx": r"larynx|laryngeal|glott\w+|vocal cords?|supraglott\w+|epiglottis",
        "pharynx": r"(?:naso|oro|hypo)?phary(?:nx|ngeal)|tonsils?|tonsillar",
        "oral cavity": r"oral cavity|tongue|lip|palate|floor of (?:the )?mouth|gingiva|buccal",
        "salivary gland": r"parotid|salivary|submandibular",
        "skin": r"skin|cutaneous|dermis|scalp",
        "soft tissue": r"soft tissues?|retroperitone(?:um|al)",
        "bone": r"bone(?! marrow)|osseous|femur|tibia|vertebra[el]?|pelvic bone",
        "thymus": r"thymus|thymic|mediastin(?:um|al)",
        "pleura": r"pleura|pleural(?! effusion)",
        "peritoneum": r"peritone(?:um|al)|omentum|omental",
        "spleen": r"spleen|splenic(?! flexure)",
    }
)
_SIDES = lexicon(
    {
        "bilateral": r"bilateral(?:ly)?|both (?:sides|lungs|breasts|lobes|hemispheres)",
        "midline": r"mid-?line",
        "left": r"left(?:-sided)?(?![- ]handed| (?:the|home|hospital|against|ama|without"
        r"|ventric\w+"
        r"|atri\w+|bundle|over|behind|untreated|main coronary))|LUL|LLL|lt\.?(?= )",
        "right": r"(?<!all )right(?:-sided)?(?![- ]handed| (?:away|now|after|before|ventric\w+"
        r"|atri\w+|bundle|heart))|RUL|RML|RLL|rt\.?(?= )",
    }
)
_LIMB = r"(?:upper |lower )?(?:arms?|legs?|hands?|foot|feet|fingers?|limbs?|extremit(?:y|ies)|face)"
#: Signs of the nervous system: they stand on the side that the tumour does not.
_SIGN = (
    r"(?:\w*paresis|\w*plegia|weakness|numbness|tingling|para?esthesias?|droop\w*|palsy|drift"
    r"|\w*anopi?a|visual fields?|neglect|hemisensory|sensory loss|clumsiness|twitch\w*|jerk\w*"
    r"|tremors?|spasticity|seizures?|ataxia|dysmetria|gaze|babinski|(?:motor )?deficits?)"
)
_SIGN_BEHIND = re.compile(
    rf"[\s-]*(?:(?:{_LIMB}|facial|sided?|body|homonymous|spastic|mild|severe|moderate|progressive|new"
    r"|sudden|focal|motor|sensory|inferior|superior|pronator|distal|proximal|grip|and)\s+)*"
    rf"{_SIGN}\b",
    re.IGNORECASE,
)
_SIGN_BEFORE = re.compile(
    rf"\b{_SIGN}\s+(?:(?:of|in|on|to|affecting|involving|the|his|her|both)\s+)+$", re.IGNORECASE
)
#: What follows the side of a sign that stands before it: a part of the body, or nothing.
_PART_BEHIND = re.compile(
    rf"[\s-]*(?:$|[.,;:)]|(?:(?:sided?|upper|lower|proximal|distal|entire|whole)\s+)*(?:{_LIMB}"
    r"|side|body|hemi\w+|facial|eyes?|visual|shoulder|hips?|knees?|ankles?|wrists?|thumbs?|toes?"
    r"|thigh|calf|forearm|elbow|cheek|mouth|trunk|half|UE|LE|UL|and|or|with|more|greater|than|since"
    r"|for|due|from|after|in|on|is|was|which|that|but|as|at|because|secondary|caused|has)\b)",
    re.IGNORECASE,
)
_LIMB_BEHIND = re.compile(rf"[\s-]*{_LIMB}\b", re.IGNORECASE)
#: A tumour of the limb itself: "left arm melanoma", "melanoma of the right leg".
_LIMB_TUMOUR = (
    r"(?:tumou?rs?|mass(?:es)?|lesions?|nodules?|\w*sarcomas?|melanomas?|\w*carcinomas?|lymphomas?)"
)
_LIMB_TUMOUR_BEHIND = re.compile(
    rf"[\s-]*{_LIMB}\s+(?:(?!(?:with|from|due|and|in|of|to|for|without|by)\b)[\w-]+\s+){{0,2}}"
    rf"{_LIMB_TUMOUR}\b",
    re.IGNORECASE,
)
_LIMB_TUMOUR_BEFORE = re.compile(
    rf"\b{_LIMB_TUMOUR}\s*,?\s+(?:(?:of|in|on|the|his|her)\s+)+$", re.IGNORECASE
)
_NOT_BRAIN = r"(?! (?:sinus|bone|arter|pleura|peritone|scalp|line|horn|arteritis))"
_LOBES = lexicon(
    {
        "frontal": rf"(?:bi)?frontal{_NOT_BRAIN}",
        "temporal": rf"temporal{_NOT_BRAIN}",
        "parietal": rf"(?:(?:fronto|temporo)-?)?parietal{_NOT_BRAIN}",
        "occipital": rf"(?:(?:parieto|temporo)-?)?occipital{_NOT_BRAIN}",
        "insula": r"insula|insular",
        "cerebellum": r"cerebell(?:um|ar)",
        "upper lobe": r"upper lobes?|[RL]UL",
        "middle lobe": r"middle lobes?|RML",
        "lower lobe": r"lower lobes?|[RL]LL",
        "lingula": r"lingula|lingular",
        "upper outer quadrant": r"(?:upper[- ]outer|outer[- ]upper)(?: quadrant)?|UOQ",
        "upper inner quadrant": r"(?:upper[- ]inner|inner[- ]upper)(?: quadrant)?|UIQ",
        "lower outer quadrant": r"(?:lower[- ]outer|outer[- ]lower)(?: quadrant)?|LOQ",
        "lower inner quadrant": r"(?:lower[- ]inner|inner[- ]lower)(?: quadrant)?|LIQ",
        "central breast": r"(?:sub|retro|peri)-?areolar",
    }
)
#: Compounds whose first half is found by itself: "frontoparietal" is frontal and parietal.
_COMPOUND = lexicon(
    {
        "frontal": r"fronto-?(?:parietal|temporal|parieto|temporo)\w*",
        "temporal": r"temporo-?(?:parietal|occipital)",
        "parietal": r"parieto-?occipital",
    }
)


def find_sites(sentence: str) -> Iterator[Mention]:
    """Organs that a sentence names."""
    for value, match in find_words(_ORGANS, sentence):
        yield Mention("site", "anatomic_site", value, *match.span())


def find_sides(sentence: str) -> Iterator[Mention]:
    """Left, right, bilateral or midline; not the verb "left", handedness or chambers of a heart.

    The side of a sign such as a weak arm is not the tumour's. That of a limb counts where the
    limb has the tumour, or the sentence speaks of a tumour and names no other side.
    """
    found = [(value, match) for value, match in find_words(_SIDES, sentence)]
    found = [(value, match) for value, match in found if not _is_of_sign(sentence, match)]
    others = [one for one in found if not _is_of_limb(sentence, one[1])]
    has_tumour = TUMOUR.search(sentence) is not None
    for value, match in others if others or not has_tumour else found:
        yield Mention("side", "side", value, *match.span())


def _is_of_limb(sentence: str, match: re.Match[str]) -> bool:
    """Whether a side is that of a limb which is not said to have the tumour."""
    return bool(
        _LIMB_BEHIND.match(sentence, match.end())
        and not _LIMB_TUMOUR_BEHIND.match(sentence, match.end())
        and not _LIMB_TUMOUR_BEFORE.search(sentence[: match.start()])
    )


def _is_of_sign(sentence: str, match: re.Match[str]) -> bool:
    """Whether a side is that of a sign: "right arm weakness", "weakness of the right arm"."""
    if _SIGN_BEHIND.match(sentence, match.end()):
        return True
    is_before = _SIGN_BEFORE.search(sentence[: match.start()]) is not None
    return is_before and _PART_BEHIND.match(sentence, match.end()) is not None


def find_lobes(sentence: str) -> Iterator[Mention]:
    """Lobes of brain and lung, quadrants of the breast."""
    for value, match in find_words(_LOBES, sentence):
        yield Mention("lobe", "lobe", value, *match.span())
    for value, match in find_words(_COMPOUND, sentence):
        yield Mention("lobe", "lobe", value, *match.span())
