"""What kind of tumour it is, with its morphology code where one word has one code."""

from __future__ import annotations

from collections.abc import Iterator

from tumorboard.transforms.factor_mentions import Mention, find_words, lexicon

#: Histology -> (ICD-O-3 morphology, or "" where the term has several; expression). The first entry
#: that fits at a place wins, so that the more precise stands before the general.
_TYPES: dict[str, tuple[str, str]] = {
    "ductal carcinoma in situ": (
        "8500/2",
        r"(?:intra-?)?ductal carcinoma[ -]in[ -]situ|DCIS|intraductal carcinoma",
    ),
    "lobular carcinoma in situ": ("8520/2", r"lobular carcinoma[ -]in[ -]situ|LCIS"),
    "ductal and lobular carcinoma": (
        "8522/3",
        r"(?:mixed |invasive )*ductal and lobular carcinoma|mixed ductal[ -/]lobular carcinoma",
    ),
    "invasive ductal carcinoma": (
        "8500/3",
        r"(?:invasive|infiltrating)\s+(?:mammary\s+)?duct(?:al)?\s+(?:adeno)?carcinoma|IDC"
        r"|(?:invasive )?(?:mammary|breast) carcinoma of no special type"
        r"|invasive carcinoma,? (?:of no special type|NST)",
    ),
    "invasive lobular carcinoma": (
        "8520/3",
        r"(?:invasive|infiltrating)\s+(?:mammary\s+)?lobular\s+carcinoma|ILC",
    ),
    "metaplastic carcinoma": ("8575/3", r"metaplastic carcinoma"),
    "adenosquamous carcinoma": ("8560/3", r"adenosquamous carcinoma"),
    "squamous cell carcinoma": (
        "8070/3",
        r"squamous(?:[- ]cell)?\s+(?:\w+\s+)?(?:cancer|carcinoma)|SCC",
    ),
    "mucinous adenocarcinoma": ("8480/3", r"mucinous (?:adeno)?carcinoma|colloid carcinoma"),
    "signet ring cell carcinoma": ("8490/3", r"signet[- ]ring(?:[- ]cell)? (?:adeno)?carcinoma"),
    "adenocarcinoma in situ": ("8140/2", r"adenocarcinoma[ -]in[ -]situ"),
    "serous carcinoma": (
        "8441/3",
        r"(?:high[- ]grade |low[- ]grade |papillary )*serous (?:\w+\s+)?(?:adeno"
        r"|cystadeno)?carcinoma|HGSC",
    ),
    "endometrioid adenocarcinoma": ("8380/3", r"endometrioid (?:\w+\s+)?(?:adeno)?carcinoma"),
    "clear cell renal cell carcinoma": (
        "8310/3",
        r"clear[- ]cell (?:type )?renal(?:[- ]cell)? carcinoma|ccRCC"
        r"|renal cell carcinoma,? (?:conventional )?\(?clear cell",
    ),
    "papillary renal cell carcinoma": (
        "8260/3",
        r"papillary renal(?:[- ]cell)? carcinoma|renal cell carcinoma,? papillary",
    ),
    "chromophobe renal cell carcinoma": (
        "8317/3",
        r"chromophobe (?:renal(?:[- ]cell)? )?carcinoma|renal cell carcinoma,? chromophobe",
    ),
    "renal cell carcinoma": ("8312/3", r"renal[- ]cell carcinoma|RCC"),
    "clear cell carcinoma": ("8310/3", r"clear[- ]cell (?:adeno)?carcinoma"),
    "urothelial carcinoma": (
        "8120/3",
        r"(?:urothelial|transitional[- ]cell)\s+(?:cell\s+)?carcinoma",
    ),
    "hepatocellular carcinoma": ("8170/3", r"hepatocellular carcinoma|hepatoma|HCC"),
    "cholangiocarcinoma": ("8160/3", r"cholangiocarcinoma"),
    "papillary thyroid carcinoma": (
        "8260/3",
        r"papillary (?:thyroid )?(?:micro)?carcinoma(?=[^.]{0,60}thyroid)"
        r"|papillary thyroid (?:micro)?(?:carcinoma|cancer)"
        r"|thyroid papillary carcinoma",
    ),
    "follicular carcinoma": ("8330/3", r"follicular (?:thyroid )?(?:carcinoma|cancer)"),
    "medullary carcinoma": ("", r"medullary (?:thyroid )?carcinoma"),
    "adenoid cystic carcinoma": ("8200/3", r"adenoid cystic carcinoma"),
    "mucoepidermoid carcinoma": ("8430/3", r"mucoepidermoid carcinoma"),
    "basal cell carcinoma": ("8090/3", r"basal[- ]cell carcinoma|BCC"),
    "large cell neuroendocrine carcinoma": (
        "8013/3",
        r"large[- ]cell neuroendocrine carcinoma|LCNEC",
    ),
    "small cell carcinoma": (
        "8041/3",
        r"(?<!non[- ])(?<!non)small[- ]cell (?:lung )?(?:carcinoma|cancer)|SCLC",
    ),
    "non-small cell carcinoma": (
        "8046/3",
        r"non[- ]?small[- ]cell (?:lung )?(?:carcinoma|cancer)|NSCLC",
    ),
    "large cell carcinoma": ("8012/3", r"large[- ]cell (?:lung )?carcinoma"),
    "neuroendocrine carcinoma": ("8246/3", r"neuroendocrine carcinoma"),
    "neuroendocrine tumour": ("8240/3", r"neuroendocrine tumou?r|carcinoid(?: tumou?r)?"),
    "glioblastoma": ("9440/3", r"glioblastoma(?: multiforme)?|GBM"),
    "anaplastic astrocytoma": ("9401/3", r"anaplastic astrocytoma"),
    "pilocytic astrocytoma": ("9421/1", r"pilocytic astrocytoma"),
    "astrocytoma": ("9400/3", r"(?:diffuse |fibrillary )*astrocytoma"),
    "anaplastic oligodendroglioma": ("9451/3", r"anaplastic oligodendroglioma"),
    "oligodendroglioma": ("9450/3", r"oligodendroglioma"),
    "oligoastrocytoma": ("9382/3", r"(?:anaplastic )?oligoastrocytoma|mixed glioma"),
    "ependymoma": ("9391/3", r"ependymoma"),
    "medulloblastoma": ("9470/3", r"medulloblastoma"),
    "glioma": ("9380/3", r"glioma"),
    "meningioma": ("9530/0", r"meningioma"),
    "schwannoma": ("9560/0", r"(?:vestibular )?schwannoma|acoustic neuroma"),
    "neuroblastoma": ("9500/3", r"neuroblastoma"),
    "nephroblastoma": ("8960/3", r"nephroblastoma|wilms'? tumou?r"),
    "melanoma": ("8720/3", r"(?:malignant )?melanoma"),
    "mesothelioma": ("9050/3", r"(?:malignant )?mesothelioma"),
    "thymoma": ("8580/3", r"thymoma"),
    "seminoma": ("9061/3", r"(?<!non)(?<!non[- ])seminoma"),
    "gastrointestinal stromal tumour": ("8936/3", r"gastrointestinal stromal tumou?r|GIST"),
    "leiomyosarcoma": ("8890/3", r"leiomyosarcoma"),
    "liposarcoma": ("8850/3", r"(?:de|well)[- ]?differentiated liposarcoma|liposarcoma"),
    "osteosarcoma": ("9180/3", r"osteosarcoma"),
    "Ewing sarcoma": ("", r"ewing'?s? sarcoma"),
    "rhabdomyosarcoma": ("8900/3", r"rhabdomyosarcoma"),
    "angiosarcoma": ("9120/3", r"angiosarcoma"),
    "carcinosarcoma": ("8980/3", r"carcinosarcoma|malignant mixed mull?erian tumou?r|MMMT"),
    "diffuse large B-cell lymphoma": ("9680/3", r"diffuse large b[- ]cell lymphoma|DLBCL"),
    "follicular lymphoma": ("9690/3", r"follicular lymphoma"),
    "Hodgkin lymphoma": ("9650/3", r"(?<!non-)(?<!non )hodgkin(?:'?s)? (?:lymphoma|disease)"),
    "lymphoma": ("9590/3", r"(?:non[- ]hodgkin(?:'?s)? )?lymphoma"),
    "multiple myeloma": ("9732/3", r"(?:multiple|plasma cell) myeloma"),
    "chronic lymphocytic leukaemia": ("9823/3", r"chronic lymphocytic leuka?emia|CLL"),
    "acute myeloid leukaemia": ("9861/3", r"acute myeloid leuka?emia|AML"),
    "sarcoma": ("8800/3", r"(?:undifferentiated )?(?:pleomorphic )?sarcoma"),
    "fibroadenoma": ("9010/0", r"fibroadenoma"),
    "phyllodes tumour": ("", r"phyllodes tumou?r"),
    "adenocarcinoma": ("8140/3", r"adenocarcinoma"),
    "tubular adenoma": ("8211/0", r"tubular adenoma"),
    "adenoma": ("8140/0", r"adenoma"),
    "carcinoma": ("8010/3", r"carcinoma(?! in situ)(?!tosis)"),
}  # fmt: skip
_WORDS = lexicon({name: f"(?:{pattern})s?" for name, (_, pattern) in _TYPES.items()})


def find_histologies(sentence: str) -> Iterator[Mention]:
    """Kinds of tumour, the most precise term at each place.

    Source:
        Morphology codes: International Classification of Diseases for Oncology, 3rd edition, 2nd
        revision (WHO, 2019).
    """
    for value, match in find_words(_WORDS, sentence):
        code = _TYPES[value][0]
        yield Mention("histology", "histology", value, *match.span(), code=code)
