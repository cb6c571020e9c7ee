"""What a patient complains of, had before, lives with, and what runs in the family."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tumorboard.transforms.factor_mentions import Mention, find_words, lexicon

_SYMPTOMS = lexicon(
    {
        "headache": r"headaches?|cephalgia",
        "seizure": r"seizures?|convulsions?|epileptic|epilepsy",
        "nausea": r"nausea|nauseated",
        "vomiting": r"vomiting|emesis|vomited",
        "weakness": r"(?:hemi|para)?paresis|hemiplegia|weakness",
        "aphasia": r"aphasia|dysphasia|word[- ]finding difficult\w+|speech (?:difficult\w+"
        r"|disturbance)",
        "visual_disturbance": r"visual (?:field )?(?:disturbance|loss|deficit|changes?)|diplopia"
        r"|blurred vision|hemianopi?a|papill?o?edema",
        "confusion": r"confusion|confused|altered mental status|disorient\w+|cognitive decline",
        "gait_disturbance": r"ataxia|gait (?:disturbance|instability)|unsteady gait|imbalance",
        "dizziness": r"dizziness|vertigo|lightheaded\w*",
        "cough": r"cough(?:ing)?",
        "haemoptysis": r"ha?emoptysis|coughing (?:up )?blood",
        "dyspnoea": r"dyspno?ea|shortness of breath|SOB|breathless\w*",
        "chest_pain": r"chest pain",
        "hoarseness": r"hoarse(?:ness)?",
        "dysphagia": r"dysphagia|difficulty swallowing|odynophagia",
        "weight_loss": r"(?:unintentional )?weight loss|lost weight|cachexia",
        "fatigue": r"fatigue|tired(?:ness)?|malaise",
        "fever": r"fevers?|febrile(?! seizure)",
        "night_sweats": r"night sweats",
        "anorexia": r"anorexia(?! nervosa)|loss of appetite|decreased appetite|poor appetite",
        "abdominal_pain": r"(?:abdominal|epigastric|pelvic) pain",
        "back_pain": r"back pain",
        "bone_pain": r"bone pain",
        "breast_pain": r"breast pain|mastalgia|mastodynia",
        "pain": r"(?<!chest )(?<!abdominal )(?<!epigastric )(?<!pelvic )"
        r"(?<!back )(?<!bone )(?<!breast )pain(?!less)",
        "palpable_lump": r"palpable (?:\w+\s+)?(?:lump|mass|abnormality)|breast lump|lump",
        "nipple_discharge": r"nipple discharge",
        "skin_change": r"skin (?:retraction|dimpling|thickening|ulceration|changes?)"
        r"|peau d'orange"
        r"|nipple retraction",
        "jaundice": r"jaundice|icterus|icteric",
        "haematuria": r"ha?ematuria|blood in (?:the |his |her )?urine",
        "rectal_bleeding": r"rectal bleeding|ha?ematochezia|melena|blood in (?:the |his "
        r"|her )?stool",
        "vaginal_bleeding": r"(?:vaginal|postmenopausal|uterine) bleeding",
        "constipation": r"constipation",
        "diarrhoea": r"diarrho?ea",
        "oedema": r"(?:leg |pedal |peripheral |ankle |lower extremity )o?edema",
        "lymphadenopathy": r"lymphadenopathy|enlarged (?:lymph )?nodes?",
        "asymptomatic": r"asymptomatic|symptom[- ]free",
    }
)
_CONDITIONS = lexicon(
    {
        "hypertension": r"(?<!pulmonary )(?<!portal )(?<!intracranial )hypertension|HTN"
        r"|high blood pressure",
        "diabetes": r"diabetes(?! insipidus)(?: mellitus)?|diabetic|DM2?|T2DM|NIDDM|IDDM",
        "copd": r"COPD|chronic obstructive pulmonary disease|emphysema",
        "asthma": r"asthma",
        "coronary_disease": r"coronary (?:artery|heart) disease|CAD|myocardial infarction"
        r"|ischa?emic heart disease",
        "heart_failure": r"(?:congestive )?heart failure|CHF",
        "atrial_fibrillation": r"atrial fibrillation|a-?fib",
        "stroke": r"stroke|CVA|cerebrovascular accident|TIA",
        "kidney_disease": r"chronic kidney disease|CKD|ESRD|renal (?:failure|insufficiency)",
        "liver_disease": r"cirrhosis|chronic liver disease",
        "hepatitis": r"hepatitis [BC]|HBV|HCV",
        "hiv": r"HIV(?: infection)?|AIDS",
        "hyperlipidaemia": r"hyperlipida?emia|hypercholesterola?emia|dyslipida?emia",
        "hypothyroidism": r"hypothyroid(?:ism)?",
        "obesity": r"obes(?:e|ity)",
        "depression": r"depression",
        "thrombosis": r"deep vein thrombosis|DVT|pulmonary embol(?:ism|us)",
        "alcohol_use": r"alcohol (?:abuse|use|dependence)|alcoholi(?:c|sm)",
    }
)
_CANCER = re.compile(
    r"\b(?:(?P<organ>breast|lung|colon|colorectal|ovarian|prostate|pancreatic|gastric|thyroid"
    r"|brain|skin|kidney|bladder|uterine|endometrial|cervical|liver)\s+)?"
    r"(?P<word>cancers?|carcinomas?|malignanc(?:y|ies)|melanoma|leuka?emia|lymphoma|gliomas?"
    r"|CA)\b"
    r"(?: of the (?P<of>\w+))?",
)
_PACKS = re.compile(
    r"(?<![\d.])(?P<years>\d{1,3}(?:\.\d+)?)\s*(?:\+\s*)?[- ]?pack[- ]?years?", re.IGNORECASE
)
_STATUS = r"(?:smok(?:er|es|ing)|tobacco)(?: (?:status|use|history))?\s*[:=(]\s*"
#: "" says nothing sure: who does not smoke now may have, or the answer stands elsewhere.
_SMOKING = lexicon(
    {
        "": r"(?:not|no) (?:a |an )?(?:current|active)(?:ly)? (?:\w+ )?smok(?:er|ing)|smoker\s*\?",
        "never": r"never[- ](?:a )?(?:smok(?:er|ed)|smoking)|non[- ]?smoker|lifelong non[- ]?smoker"
        r"|no (?:history of )?"
        r"(?:smoking|tobacco(?: use)?)|denies (?:any )?(?:smoking|tobacco(?: use)?|being a smoker)"
        r"|(?:does|did|do) not smoke|never smoked|not an? (?:\w+ )?smoker"
        r"|not smoked(?! (?:since|for|in))"
        rf"|{_STATUS}(?:no|none|non[- ]?smoker|never(?:[- ]smok\w+)?)(?![\w-]| longer| current)",
        "former": r"(?:former|ex|previous|past|prior)[- ](?:\w+ )?(?:smok(?:er|ing)"
        r"|tobacco(?: use)?)|quit (?:smoking|tobacco)|no longer (?:a )?smok(?:er|es|ing)"
        rf"|stopped smoking|smoked|{_STATUS}(?:former|ex|past|previous|quit)(?:[- ]smoker)?",
        "current": r"(?:current|active|heavy|chronic)[- ](?:\w+ )?smoker|(?:currently "
        r"|still )?smokes"
        r"|(?:current|active|ongoing) (?:tobacco|smoking)(?: use)?|smoker|continues to smoke"
        rf"|{_STATUS}(?:yes|current|active)(?: smoker)?",
    }
)


def find_symptoms(sentence: str) -> Iterator[Mention]:
    """Complaints and findings that the patient notices."""
    for name, match in find_words(_SYMPTOMS, sentence):
        yield Mention("symptom", name, name.replace("_", " "), *match.span())


def find_history(sentence: str) -> Iterator[Mention]:
    """Other diseases, smoking, and cancers; whose and when a cancer was, the context says."""
    for name, match in find_words(_CONDITIONS, sentence):
        yield Mention("history", name, name.replace("_", " "), *match.span())
    for value, match in find_words(_SMOKING, sentence):
        if value:
            yield Mention("history", "smoking", value, *match.span(), is_result=True)
    for match in _PACKS.finditer(sentence):
        years = float(match["years"])
        yield Mention(
            "history", "pack_years", f"{years:g} pack-years", *match.span(), years, "pack-years",
            is_result=True,
        )  # fmt: skip
    for match in _CANCER.finditer(sentence):
        organ = match["organ"] or match["of"] or ""
        yield Mention(
            "history", "cancer", f"{organ} {match['word']}".strip().lower(), *match.span()
        )
