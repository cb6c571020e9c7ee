"""Elixhauser's comorbidities by Quan's enhanced ICD-9-CM and ICD-10 codes, 31 categories.

A code of the table stands for itself and for everything below it ("428.x", and "V45.1" with the
later V45.11 and V45.12). No category suppresses another: "diabetes, complicated" leaves
"diabetes, uncomplicated" as it is, metastases leave the solid tumour.

Where published programs differ from the paper, or among themselves, this is the paper's table:

- 588.0 alone is renal failure; the R package `icd` took all of 588.
- 427.6-427.9, 291.5-291.9, 443.1-443.9 and 572.2-572.8 are ranges; the MIMIC code repository lists
  only those of their codes that exist (so 427.7, 291.6, 291.7, 443.3-443.7 and 572.5-572.7 differ,
  which nobody is given).
- 404.03, 404.13 and 404.93 are heart failure and renal failure; 402.01, 402.11, 402.91 are heart
  failure. All of 402-405 is complicated hypertension as well.
- 425.5 is heart failure and alcohol abuse, 334.1 paralysis and other neurological disorder,
  416.8 and 416.9 pulmonary circulation and chronic pulmonary disease, 571.0-571.3 liver disease
  and alcohol abuse, 296.54 psychosis and depression: a code counts wherever it is printed.
- B23 is not in the paper's list for AIDS. F41.2 and F43.2 are depression, F42.2 is not
  (`medicalcoder` reads the two as a range).
- The paper's authors leave out the principal diagnosis only where the data mark diagnoses present
  at admission. Here every code that is handed over counts; which ones are is the source's choice.

Source:
    Quan H. et al., Medical Care 2005;43:1130-9, table 2: columns "Elixhauser's enhanced ICD-9-CM"
    and "ICD-10". Checked against the lists in the R packages comorbidity, icd and medicalcoder and
    the MIMIC code repository.
"""

from __future__ import annotations

from tumorboard.formats.icd_codes import CodeTable

_ICD9 = {
    "chf": "398.91 402.01 402.11 402.91 404.01 404.03 404.11 404.13 404.91 404.93 425.4-425.9 428",
    "carit": "426.0 426.10 426.12 426.13 426.7 426.9 427.0-427.4 427.6-427.9 785.0 996.01 996.04 "
    "V45.0 V53.3",
    "valv": "093.2 394-397 424 746.3-746.6 V42.2 V43.3",
    "pcd": "415.0 415.1 416 417.0 417.8 417.9",
    "pvd": "093.0 437.3 440 441 443.1-443.9 447.1 557.1 557.9 V43.4",
    "hypunc": "401",
    "hypc": "402-405",
    "para": "334.1 342 343 344.0-344.6 344.9",
    "ond": "331.9 332.0 332.1 333.4 333.5 333.92 334 335 336.2 340 341 345 348.1 348.3 780.3 784.3",
    "cpd": "416.8 416.9 490-505 506.4 508.1 508.8",
    "diabunc": "250.0-250.3",
    "diabc": "250.4-250.9",
    "hypothy": "240.9 243 244 246.1 246.8",
    "rf": "403.01 403.11 403.91 404.02 404.03 404.12 404.13 404.92 404.93 585 586 588.0 V42.0 "
    "V45.1 V56",
    "ld": "070.22 070.23 070.32 070.33 070.44 070.54 070.6 070.9 456.0-456.2 570 571 572.2-572.8 "
    "573.3 573.4 573.8 573.9 V42.7",
    "pud": "531.7 531.9 532.7 532.9 533.7 533.9 534.7 534.9",
    "aids": "042-044",
    "lymph": "200-202 203.0 238.6",
    "metacanc": "196-199",
    "solidtum": "140-172 174-195",
    "rheumd": "446 701.0 710.0-710.4 710.8 710.9 711.2 714 719.3 720 725 728.5 728.89 729.30",
    "coag": "286 287.1 287.3-287.5",
    "obes": "278.0",
    "wloss": "260-263 783.2 799.4",
    "fed": "253.6 276",
    "blane": "280.0",
    "dane": "280.1-280.9 281",
    "alcohol": "265.2 291.1-291.3 291.5-291.9 303.0 303.9 305.0 357.5 425.5 535.3 571.0-571.3 980 "
    "V11.3",
    "drug": "292 304 305.2-305.9 V65.42",
    "psycho": "293.8 295 296.04 296.14 296.44 296.54 297 298",
    "depre": "296.2 296.3 296.5 300.4 309 311",
}

_ICD10 = {
    "chf": "I09.9 I11.0 I13.0 I13.2 I25.5 I42.0 I42.5-I42.9 I43 I50 P29.0",
    "carit": "I44.1-I44.3 I45.6 I45.9 I47-I49 R00.0 R00.1 R00.8 T82.1 Z45.0 Z95.0",
    "valv": "A52.0 I05-I08 I09.1 I09.8 I34-I39 Q23.0-Q23.3 Z95.2-Z95.4",
    "pcd": "I26 I27 I28.0 I28.8 I28.9",
    "pvd": "I70 I71 I73.1 I73.8 I73.9 I77.1 I79.0 I79.2 K55.1 K55.8 K55.9 Z95.8 Z95.9",
    "hypunc": "I10",
    "hypc": "I11-I13 I15",
    "para": "G04.1 G11.4 G80.1 G80.2 G81 G82 G83.0-G83.4 G83.9",
    "ond": "G10-G13 G20-G22 G25.4 G25.5 G31.2 G31.8 G31.9 G32 G35-G37 G40 G41 G93.1 G93.4 R47.0 "
    "R56",
    "cpd": "I27.8 I27.9 J40-J47 J60-J67 J68.4 J70.1 J70.3",
    "diabunc": "E10.0 E10.1 E10.9 E11.0 E11.1 E11.9 E12.0 E12.1 E12.9 E13.0 E13.1 E13.9 E14.0 "
    "E14.1 E14.9",
    "diabc": "E10.2-E10.8 E11.2-E11.8 E12.2-E12.8 E13.2-E13.8 E14.2-E14.8",
    "hypothy": "E00-E03 E89.0",
    "rf": "I12.0 I13.1 N18 N19 N25.0 Z49.0-Z49.2 Z94.0 Z99.2",
    "ld": "B18 I85 I86.4 I98.2 K70 K71.1 K71.3-K71.5 K71.7 K72-K74 K76.0 K76.2-K76.9 Z94.4",
    "pud": "K25.7 K25.9 K26.7 K26.9 K27.7 K27.9 K28.7 K28.9",
    "aids": "B20-B22 B24",
    "lymph": "C81-C85 C88 C96 C90.0 C90.2",
    "metacanc": "C77-C80",
    "solidtum": "C00-C26 C30-C34 C37-C41 C43 C45-C58 C60-C76 C97",
    "rheumd": "L94.0 L94.1 L94.3 M05 M06 M08 M12.0 M12.3 M30 M31.0-M31.3 M32-M35 M45 M46.1 M46.8 "
    "M46.9",
    "coag": "D65-D68 D69.1 D69.3-D69.6",
    "obes": "E66",
    "wloss": "E40-E46 R63.4 R64",
    "fed": "E22.2 E86 E87",
    "blane": "D50.0",
    "dane": "D50.8 D50.9 D51-D53",
    "alcohol": "F10 E52 G62.1 I42.6 K29.2 K70.0 K70.3 K70.9 T51 Z50.2 Z71.4 Z72.1",
    "drug": "F11-F16 F18 F19 Z71.5 Z72.2",
    "psycho": "F20 F22-F25 F28 F29 F30.2 F31.2 F31.5",
    "depre": "F20.4 F31.3-F31.5 F32 F33 F34.1 F41.2 F43.2",
}

ELIXHAUSER_QUAN = CodeTable("elixhauser", _ICD9, _ICD10)
