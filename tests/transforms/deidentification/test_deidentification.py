"""De-identification: every category by itself, recall on made notes, nothing clinical lost."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tumorboard.transforms.deidentification import deidentify, names_in

#: Strings of Safe Harbor in a sentence -> what is left of them.
CASES = {
    "Seen by Dr. Ngozi Adichie-Obi today.": "Seen by Dr. [NAME] today.",
    "Mrs. O'Hara and Mr van der Berg agree.": "Mrs. [NAME] and Mr [NAME] agree.",
    "Drs. Quux and Corge attended.": "Drs. [NAME] and [NAME] attended.",
    "Dr. Doe: benign; DR. SMITH: benign": "Dr. [NAME]: benign; DR. [NAME]: benign",
    "Patient: SMITHSON, JANE Q.": "Patient: [NAME]",
    "Patient name: Mei-Ling Zhao": "Patient name: [NAME]",
    "Electronically signed by: Tariq Haddad, M.D.": "Electronically signed by: [NAME], M.D.",
    "Reviewed with L. K. Brzezinski MD.": "Reviewed with [NAME] MD.",
    "Her husband Ravi is well.": "Her husband [NAME] is well.",
    "called john smith at home": "called [NAME] at home",
    "dr. yamamoto agrees": "dr. [NAME] agrees",
    "Maria tolerated it.": "[NAME] tolerated it.",
    "DOB: 03/14/1931, MRN: 00482913": "DOB: [DATE], MRN: [ID]",
    "Biopsy on 03/14/2019 and 2020-01-31.": "Biopsy on [DATE 2019] and [DATE 2020].",
    "since March 14, 2019; 5 Jan 2021": "since [DATE 2019]; [DATE 2021]",
    "in June 2012, again 7-Aug-13": "in [DATE 2012], again [DATE 13]",
    "seen on 3/14, May 5th": "seen on [DATE], [DATE]",
    "14.03.2019, 02/2020": "[DATE 2019], [DATE 2020]",
    "A 91-year-old man, 94 y/o, aged 102": "A 90+-year-old man, 90+ y/o, aged 90+",
    "ninety-two year old woman, Age: 93": "90+ year old woman, Age: 90+",
    "Tel (555) 123-4567, fax: 555.987.6543": "Tel [PHONE], fax: [PHONE]",
    "call +44 20 7946 0958 or pager 48213": "call [PHONE] or pager [PHONE]",
    "mail j.doe@example.org": "mail [EMAIL]",
    "SSN 123-45-6789": "SSN [SSN]",
    "see https://portal.example.org/p?id=7 now": "see [URL] now",
    "from 192.168.10.4": "from [IP]",
    "Accession # SP-10-1234, case S08-5144": "Accession # [ID], case [ID]",
    "Pacemaker serial number PJN123456H": "Pacemaker serial number [ID]",
    "Policy no. 88-2231-A, licence plate AB-1234": "Policy no. [ID], licence plate [ID]",
    "lives at 12 Elm Street, Apt 4, Gilman, VT 05904": "lives at [PLACE], [PLACE], VT [ZIP]",
    "She lives in Gilman, Vermont.": "She lives in [PLACE], Vermont.",
    "a teacher from the town of Little Snoring": "a teacher from the town of [PLACE]",
    "Referred from St. Mary's Hospital.": "Referred from [PLACE].",
    "Treated at Mayo Clinic in 2011": "Treated at [PLACE] in 2011",
    "TCGA-CQ-7063 was read": "[ID] was read",
    "Lives in Gilman. Lives alone in Gilman.": "Lives in [PLACE]. Lives alone in [PLACE].",
    "Resides in Gilman. Moved from Gilman.": "Resides in [PLACE]. Moved from [PLACE].",
    "Works as a teacher in Gilman.": "Works as a teacher in [PLACE].",
    "SHE LIVES IN BOSTON": "SHE LIVES IN [PLACE]",
    "MRN: 12-34-56, policy no AB12CD34": "MRN: [ID], policy no [ID]",
    "Call 555-1234. Reached him at 555-9876.": "Call [PHONE]. Reached him at [PHONE].",
    "IP address: 8.8.8.8": "IP address: [IP]",
    "Patient Hiroshi Tanaka seen.": "Patient [NAME] seen.",
    "The patient, Hiroshi Tanaka, agreed.": "The patient, [NAME], agreed.",
    "seen by dr wong, mr tanaka came": "seen by dr [NAME], mr [NAME] came",
    "Wife Olga is well. Son Ivan visits.": "Wife [NAME] is well. Son [NAME] visits.",
    "2019-03-14T10:22:33Z or 03/14/2019 10:22": "[DATE 2019] or [DATE 2019]",
    "20190314, 20190314T1022": "[DATE 2019], [DATE 2019]",
    "3. März 2021, 3 de marzo de 2021, mai 2020": "[DATE 2021], [DATE 2021], [DATE 2020]",
    "started 14/03, stopped 02/04": "started [DATE], stopped [DATE]",
    "Referred by Prof. Dr. med. Hans-Peter von Schönberg, Ulm": (
        "Referred by Prof. Dr. med. [NAME], Ulm"
    ),
    "Dr. med. Hans Meyer. Dr. rer. nat. Huber": "Dr. med. [NAME]. Dr. rer. nat. [NAME]",
    "Attending: Prof. Dr. A. Huber": "Attending: Prof. Dr. [NAME]",
    "Attending: Assoc. Prof. Ann Lee": "Attending: Assoc. Prof. [NAME]",
    "Prof. Dr. h. c. mult. Karl zu Stolberg": "Prof. Dr. h. c. mult. [NAME]",
    "PD Dr. med. dent. E. van de Velde-Roe came": "PD Dr. med. dent. [NAME] came",
    "dr. med. Hans Meyer, dr. med. huber, dr Huber": "dr. med. [NAME], dr. med. [NAME], dr [NAME]",
    "Prof.Dr.Zorblatt; Dott.ssa Rossi": "Prof.Dr.[NAME]; Dott.ssa [NAME]",
    "Seen by PA-C Kim West. Ann Lee, PA-C": "Seen by PA-C [NAME]. [NAME], PA-C",
    "/s/ Miller": "/s/ [NAME]",
    "Herr Meier, Frau Dr. Schulz, Mme Dubois": "Herr [NAME], Frau Dr. [NAME], Mme [NAME]",
    "M. Dubois denies pain.": "[NAME] denies pain.",
    "at Mercy Hospital, Springfield, IL": "at [PLACE], [PLACE], IL",
    "St. Mary's Hospital, Ulm, Germany.": "[PLACE], [PLACE], Germany.",
    "at Mercy Hospital Springfield.": "at [PLACE] [PLACE].",
    "General Hospital, Little Rock, for chemo": "General Hospital, [PLACE], for chemo",
    "030/4501234, 089 / 450 1234, 0171-1234567": "[PHONE], [PHONE], [PHONE]",
    "SN 12345-AB, SN: A123456": "SN [ID], SN: [ID]",
    "licence plate B-MW 1234": "licence plate [ID]",
}

#: A name found once by a rule -> what goes in the rest of the note.
LEARNT = {
    "Patient: Hiroshi Tanaka. Tanaka reports pain. HIROSHI TANAKA, hiroshi tanaka": (
        "Patient: [NAME]. [NAME] reports pain. [NAME], [NAME]"
    ),
    "Patient: Hiroshi Tanaka. Pain in Hiroshi. Tanaka's cancer grew.": (
        "Patient: [NAME]. Pain in [NAME]. [NAME]'s cancer grew."
    ),
    "Dr. Hans-Peter von Schönberg. Schönberg agrees.": "Dr. [NAME]. [NAME] agrees.",
    "Patient: SMITHSON, JANE Q.\nSmithson rests.": "Patient: [NAME]\n[NAME] rests.",
    "Mr. Tanaka came. Tanaka is well.": "Mr. [NAME] came. [NAME] is well.",
    "Patient: Mary Stone. Stone denies fever.": "Patient: [NAME]. [NAME] denies fever.",
    "Patient: Mary Stone. Kidney Stone on CT. Stone in the left ureter; kidney stone.": (
        "Patient: [NAME]. Kidney Stone on CT. Stone in the left ureter; kidney stone."
    ),
    "Patient: John Long. Long axis 3 cm. Told Long of it.": (
        "Patient: [NAME]. Long axis 3 cm. Told [NAME] of it."
    ),
    "Patient: Wei Li. Li 300 mg. Li reports it.": "Patient: [NAME]. Li 300 mg. [NAME] reports it.",
    "Dr. Gleason: Gleason 3+4, Gleason score 7.": "Dr. [NAME]: Gleason 3+4, Gleason score 7.",
    "Dr. Ann Tanaka: Tanaka sign, Tanaka-1.": "Dr. [NAME]: Tanaka sign, Tanaka-1.",
    "Patient: Hiroshi Tumori. A tumori of 3 cm; Tumori here.": (
        "Patient: [NAME]. A tumori of 3 cm; Tumori here."
    ),
    "Sister Diabetesia. Diabetesia type 2. Nurse Navigator. Navigator": (
        "Sister [NAME]. Diabetesia type 2. Nurse [NAME]. Navigator"
    ),
    "Patient: Stabile. Stabile disease. Dr. Lee: Lee-White test.": (
        "Patient: [NAME]. Stabile disease. Dr. [NAME]: Lee-White test."
    ),
    "DOCTOR (s): BITATERAL SIMPLE\nSIMPLE MASTECTOMY": "DOCTOR (s): [NAME]\nSIMPLE MASTECTOMY",
}  # fmt: skip

#: What a note is read for; each comes back letter for letter.
CLINICAL = (
    "Size 3.2 x 2.1 cm; 12/34 nodes; margin 2-3 mm; 0.5cm",
    "pT2N0M0, Mx. Stage IIIA; T1c N1mi (3/14 nodes positive)",
    "ER 90%, PR 95 %, HER2 2+, Ki-67 20 %, ki67 91%",
    "Blocks S1-S3, A1-A12, slide 4B, cassette 10-12, FSA1, levels 1-2-3",
    "Gleason 3+4=7, Fuhrman grade 2, Bloom-Richardson, Nottingham score 6",
    "Barrett's esophagus, Paget disease, Hodgkin lymphoma, Whipple procedure",
    "Crohn's disease, Merkel cell carcinoma, Ewing sarcoma, Bowen's disease, Kaposi, Wilms tumor",
    "Breslow 1.2 mm, Clark level IV, Lauren intestinal type, Pap smear, Graves disease",
    "Tumor in the Left Upper Lobe. Right Breast, 2 o'clock. Sentinel Lymph Node",
    "IDH1 R132H, 1p/19q, EGFR L858R, CD31-88342, CPT 88305, ICD 8500/3, C50.911, SNOMED M-85003",
    "5-FU, T-DM1, 50 Gy in 25 fractions, WBC 7.4, platelets 250000/uL, BP 120/80, 98.6 F",
    "64-year-old woman, age 89, disease-free for 5 years, weight 95 kg, PSA 91",
    "Patient is doing well. The Patient: Male. Seen by Pathology. No family history",
    "MR of the brain, MS Contin, OCT 12 microns, may 2 lesions, DEC receptor, sep",
    "Virginia Woolf? no: Iris, Ray, Rose bengal, Congo Red, Grace, X-Ray, Victoria blue",
    "Nurse navigator, doctor visit, University hospital course, Cancer Center review",
    "ratio 1:1000, titer 1/2000, 10 x 9 x 8 mm, 1.5.0, HPV 16/18, NCT01234567",
    "In 2014 she had surgery; 3 of 14; week 12; 2.1 mSv; grade 2/3; 20 HPF",
    "Tumor 10/12/14 mm, nodule 11/12/13 cm, cyst 5/6/7ml, section 8.8.8.8, cut 555-1234",
    "Ann Arbor stage III, Sister Mary Joseph nodule, pouch of Douglas, James Ewing sarcoma",
    "Lives in a nursing home. Works in Construction. LIVES IN HOSPICE. Working diagnosis of Glioma",
    "Specimen no. 10-12, case 1/2, order 1-2-3; call for pain, 100-2000 mg",
    "Patient Underwent Lumpectomy is healing. Wife Reports pain. Patient, Stage Three,",
    "dr recommends rest; mr liver was normal; mr angiography is due; ms contin; ms was diagnosed",
    "started 1/2 tablet, stopped 2/4 nodes, completed 5/6 FOLFOX, 3 Mayo clamps, 3 mars",
    "REFERRING DIAGNOSIS: SYNCOPE; Referring Diagnosis: Atrial Fibrillation",
    "SN 0/3, SN 3/12 negative, ratio 012/345, block B-MW 1234, 030 mg, HPV 16/18",
    "Community Hospital Emergency Department; General Hospital Discharge Summary. General "
    "Hospital, Right breast, Radiology. Regional Hospital, Hematoxylin and eosin. Denies pain",
    "Von Willebrand factor, von Hippel-Lindau, de Quervain, van Nuys index, M. Liver is benign",
    "Professor rounds; nurse and doctor, Herr-Kruger sign? L. Lung, M. Omentum was clear",
    "Dr. DIAGNOSIS: A. BREAST; by Dr. Gross description: B. Lung; APPROVED THIS REPORT",
)  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_identifiers_are_replaced(text: str) -> None:
    assert deidentify(text).text == CASES[text]


@pytest.mark.parametrize("text", LEARNT)
def test_a_name_found_once_goes_where_it_stands_alone(text: str) -> None:
    assert deidentify(text).text == LEARNT[text]


def test_names_of_other_notes_go_too() -> None:
    names = names_in("Patient: Hiroshi Tanaka. Performed by Core Biopsy. Seen by dr. wong.")

    assert names == ("Hiroshi Tanaka",)
    assert deidentify("Tanaka came.").text == "Tanaka came."
    assert deidentify("Tanaka came.", learnt=names).text == "[NAME] came."


@pytest.mark.parametrize("text", CLINICAL)
def test_clinical_content_stays(text: str) -> None:
    found = deidentify(text)

    assert found.text == text
    assert not found.counts


@pytest.mark.parametrize("text", CLINICAL)
def test_clinical_content_stays_beside_names_that_are_words(text: str) -> None:
    head = (
        "Patient: Mary Stone. Seen by Dr. Hans Gleason, Dr. Long, Dr. Ann Left, Prof. May here.\n"
    )

    assert deidentify(head + text).text.split("\n", 1)[1] == text


def test_what_the_study_knows_is_found_without_any_rule() -> None:
    text = (
        "Zorblatt came. ZORBLATT, Xan; xan zorblatt; no. 00-17-x; the zorblatt sign; brown; BROWN"
    )

    found = deidentify(text, known=["Xan Zorblatt", "00-17-X", "Brown", ""])

    assert (
        found.text
        == "[NAME] came. [NAME], [NAME]; [NAME]; no. [ID]; the zorblatt sign; [NAME]; [NAME]"
    )
    assert found.counts == {"name": 6, "id": 1}


def made_note(rng: np.random.Generator) -> tuple[str, list[str], list[str]]:
    """A made note, its identifiers and its clinical facts."""
    letters = np.array(list("aeioubdfgklmnprstvz"))
    name = "".join(rng.choice(letters, 7)).capitalize()  # of no list
    first = str(rng.choice(["John", "Maria", "Ahmed", "Priya", "Susan", "Wei"]))
    town = "".join(rng.choice(letters, 6)).capitalize() + "ville"
    year, month, day = (
        int(rng.integers(1990, 2024)),
        int(rng.integers(1, 13)),
        int(rng.integers(13, 29)),
    )
    date = (f"{month:02d}/{day}/{year}", f"{year}-{month:02d}-{day}", f"{day}.{month:02d}.{year}")[
        int(rng.integers(3))
    ]
    digits = "".join(map(str, rng.integers(0, 10, 8)))
    phone = f"({rng.integers(200, 999)}) 555-{rng.integers(1000, 9999)}"
    size = f"{rng.uniform(0.5, 9):.1f} x {rng.uniform(0.5, 9):.1f} cm"
    stage = f"pT{rng.integers(1, 5)}N{rng.integers(0, 3)}M0"
    er = f"ER {rng.integers(0, 101)}%"
    identifiers = [
        first,
        name,
        town,
        date,
        digits,
        phone,
        "12 Elm Street",
        f"{name.lower()}@mail.org",
    ]
    text = (
        f"Patient: {name}, {first}  MRN: {digits}\nThe patient, {first} {name}, lives in {town}. "
        f"Address: 12 Elm Street. Phone {phone}, {name.lower()}@mail.org.\n"
        f"Tumour {size}, {stage}, {er}, left breast, no invasion on {date}. Dr. {name} agrees."
        f"\n{name} reports pain, and {first} lost weight."
    )
    return text, identifiers, [size, stage, er, "left breast", "no invasion", str(year)]


def test_recall_on_made_notes_with_names_of_no_list() -> None:
    rng = np.random.default_rng(5)
    missed, n, lost = 0, 0, 0
    for _ in range(300):
        text, identifiers, facts = made_note(rng)
        left = deidentify(text).text
        n += len(identifiers)
        missed += sum(re.search(rf"\b{re.escape(own)}\b", left) is not None for own in identifiers)
        lost += sum(fact not in left for fact in facts)

    assert n == 2400
    assert missed / n < 0.01
    assert lost == 0


def test_tags_are_not_taken_for_identifiers() -> None:
    once = deidentify(
        "Dr. Smith saw Mary Jones on 03/14/2019 in Mayo Clinic, tel 555-123-4567."
    ).text

    assert deidentify(once).text == once
