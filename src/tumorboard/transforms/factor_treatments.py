"""Treatments that a note names: operations, radiotherapy and drugs by class."""

from __future__ import annotations

from collections.abc import Iterator

from tumorboard.transforms.factor_mentions import Mention, find_words, lexicon

#: Class -> (value -> expression); a value "" keeps the word of the note.
_CLASSES: dict[str, str] = {
    "surgery": r"surg(?:ery|ical resection)|lumpectomy|(?:radical |simple |modified |total "
    r"|partial )*"
    r"mastectomy|craniotomy|craniectomy|lobectomy|pneumonectomy|segmentectomy|wedge resection"
    r"|(?:gross[- ]total|subtotal|near[- ]total|partial|complete|en bloc|low anterior"
    r"|abdominoperineal|transurethral|surgical)\s+resection|resected|excis(?:ion|ed)|debulking"
    r"|(?:hemi)?colectomy|(?:radical |partial |total )?(?:nephrectomy|cystectomy|gastrectomy"
    r"|thyroidectomy|hysterectomy|prostatectomy|laryngectomy|o?esophagectomy|pancreatectomy"
    r"|hepatectomy|orchiectomy|splenectomy|glossectomy|parotidectomy)|whipple"
    r"|(?:bilateral )?salpingo-?oophorectomy|oophorectomy|(?:neck"
    r"|axillary(?: lymph)?(?: node)?) dissection"
    r"|sentinel (?:lymph )?node biopsy|TURBT|metastasectomy|amputation|thymectomy",
    "radiotherapy": r"radio-?therapy|radiation(?: therapy| treatment)?|irradiat\w+|XRT|IMRT"
    r"|SBRT|SRS"
    r"|brachytherapy|gamma knife|cyber ?knife|whole[- ]brain radiation|WBRT|proton therapy"
    r"|chemoradi\w+|radiosurgery",
    "chemotherapy": r"chemo(?:therapy|therapies)?|chemoradi(?:ation|otherapy)|cisplatin"
    r"|carboplatin|oxaliplatin|paclitaxel"
    r"|docetaxel|nab-?paclitaxel|gemcitabine|pemetrexed|etoposide|vinorelbine|vincristine"
    r"|vinblastine"
    r"|doxorubicin|adriamycin|epirubicin|daunorubicin|cyclophosphamide|ifosfamide|methotrexate"
    r"|5-?FU|fluorouracil|capecitabine|irinotecan|topotecan|temozolomide|temodar|lomustine|CCNU"
    r"|carmustine|BCNU|procarbazine|bleomycin|mitomycin|cytarabine|fludarabine|eribulin"
    r"|trabectedin"
    r"|FOLFOX|FOLFIRI|FOLFIRINOX|R-CHOP|CHOP|ABVD|AC-T|TCHP?|PCV|taxanes?|taxol|dacarbazine"
    r"|melphalan",
    "hormone_therapy": r"hormon(?:e|al) therapy|endocrine therapy|tamoxifen|letrozole|anastrozole"
    r"|exemestane|fulvestrant|aromatase inhibitors?|leuprolide|goserelin|degarelix|bicalutamide"
    r"|enzalutamide|abiraterone|apalutamide|androgen[- ]deprivation(?: therapy)?|ADT|arimidex"
    r"|femara",
    "immunotherapy": r"immuno-?therapy|pembrolizumab|keytruda|nivolumab|opdivo|ipilimumab"
    r"|atezolizumab"
    r"|durvalumab|avelumab|cemiplimab|checkpoint inhibitors?|interleukin-2|CAR[- ]T|BCG",
    "targeted_therapy": r"targeted therapy|trastuzumab(?:[- ](?:deruxtecan|emtansine))?"
    r"|herceptin|pertuzumab"
    r"|lapatinib|neratinib|tucatinib|T-DM1|T-DXd|erlotinib|gefitinib|afatinib|osimertinib"
    r"|crizotinib"
    r"|alectinib|brigatinib|lorlatinib|ceritinib|sotorasib|adagrasib|dabrafenib|trametinib"
    r"|vemurafenib"
    r"|cobimetinib|encorafenib|imatinib|gleevec|sunitinib|sorafenib|pazopanib|axitinib"
    r"|cabozantinib"
    r"|lenvatinib|regorafenib|bevacizumab|avastin|cetuximab|panitumumab|palbociclib|ribociclib"
    r"|abemaciclib|everolimus|olaparib|niraparib|rucaparib|rituximab|bortezomib|ibrutinib"
    r"|vorasidenib|ivosidenib|larotrectinib|entrectinib|selpercatinib|capmatinib",
    "steroids": r"dexamethasone|decadron|prednison?e|methylprednisolone|steroids?",
    "antiepileptics": r"levetiracetam|keppra|phenytoin|dilantin|valproate|valproic acid"
    r"|lamotrigine"
    r"|lacosamide|carbamazepine",
    "transplant": r"(?:stem cell|bone marrow) transplant(?:ation)?",
}  # fmt: skip
_WORDS = lexicon(_CLASSES)
_NEOADJUVANT = lexicon({"neoadjuvant": r"neo-?adjuvant", "adjuvant": r"adjuvant"})


def find_treatments(sentence: str) -> Iterator[Mention]:
    """Treatments by class; the value is the drug or operation in the note's word, small letters."""
    for name, match in find_words(_WORDS, sentence):
        value = " ".join(match.group().lower().split())
        yield Mention("treatment", name, value, *match.span())
        if value.startswith("chemoradi"):
            other = "chemotherapy" if name == "radiotherapy" else "radiotherapy"
            yield Mention("treatment", other, value, *match.span())
    for value, match in find_words(_NEOADJUVANT, sentence):
        yield Mention("treatment", "treatment_setting", value, *match.span())
