"""Elixhauser's comorbidities as AHRQ defines them, 29 categories, ICD-9-CM and ICD-10-CM.

The names are those of `elixhauser_quan` where the group is the same; `carit` is not in this
version, and hypertension is one group, `hyp`. Codes of hypertensive heart and kidney disease count
as hypertension and as the heart or renal failure that they state.

What the software does besides, and this does not: it leaves out the principal diagnosis, it drops
a group that the stay's DRG is about, and it lets complicated diabetes, metastases and complicated
hypertension suppress their milder forms. No group suppresses another here.

ICD-10-CM: the prefixes give exactly the groups of the format file for every one of the 69,832
codes of ICD-10-CM 2016. A code that the file does not hold, such as a later subdivision (N18.31)
or a heading (C50), belongs to a group where the codes that begin like its prefix all do.

ICD-9-CM: the format's ranges. Codes that only earlier versions of the software held (585 and 348.3
without a further digit, V85.4) are in no group; the MIMIC code repository adds them.

Source:
    AHRQ, HCUP Comorbidity Software version 3.7 for ICD-9-CM (comformat2012-2013) and
    comformat_icd10cm_2016 version 1.0, with the hypertension rules of their analysis programs.
    Elixhauser A. et al., Medical Care 1998;36:8-27.
"""

from __future__ import annotations

from tumorboard.formats.icd_codes import CodeTable

_ICD9 = {
    "chf": "398.91 402.01 402.11 402.91 404.01 404.03 404.11 404.13 404.91 404.93 428",
    "valv": "093.20-093.24 394-396 397.0 397.1 397.9 424 746.3-746.6 V42.2 V43.3",
    "pcd": "415.11-415.19 416 417.9",
    "pvd": "440-442 443.1-443.9 444.21 444.22 447.1 449 557.1 557.9 V43.4",
    "hyp": "401.0 401.1 401.9 402-405 437.2 642.0-642.2 642.7 642.9",
    "para": "342-344 438.2-438.5 780.72",
    "ond": "330 331 332.0 333.4 333.5 333.7 333.85 333.94 334 335 338.0 340 341.1-341.9 345 347.0 "
    "347.1 649.4 768.7 780.3 780.97 784.3",
    "cpd": "490 491 492.0-492.8 493-505 506.4",
    "diabunc": "249.0-249.3 250.0-250.3 648.0",
    "diabc": "249.4-249.9 250.4-250.9 775.1",
    "hypothy": "243 244.0-244.2 244.8 244.9",
    "rf": "403.01 403.11 403.91 404.02 404.03 404.12 404.13 404.92 404.93 585.3-585.6 585.9 586 "
    "V42.0 V45.1 V56.0-V56.3 V56.8",
    "ld": "070.22 070.23 070.32 070.33 070.44 070.54 456.0 456.1 456.20 456.21 571.0 571.2-571.6 "
    "571.8 571.9 572.3 572.8 573.5 V42.7",
    "pud": "531.41 531.51 531.61 531.70 531.71 531.91 532.41 532.51 532.61 532.70 532.71 532.91 "
    "533.41 533.51 533.61 533.70 533.71 533.91 534.41 534.51 534.61 534.70 534.71 534.91",
    "aids": "042-044",
    "lymph": "200 201 202.0-202.3 202.5-202.9 203 238.6 273.3",
    "metacanc": "196-198 199.0 199.1 209.70-209.75 209.79 789.51",
    "solidtum": "140-172 174 175 179-194 195.0-195.8 209.0-209.3 258.01-258.03",
    "rheumd": "701.0 710 714 720 725",
    "coag": "286 287.1 287.3-287.5 289.84 649.3",
    "obes": "=278.0 278.00 278.01 278.03 649.1 793.91 V85.3 V85.41-V85.45 V85.54",
    "wloss": "260-263 783.21 783.22",
    "fed": "276",
    "blane": "280.0 648.2",
    "dane": "280.1-280.9 281 285.2 285.9",
    "alcohol": "291.0-291.3 291.5 291.8 291.9 303 305.0",
    "drug": "292.0 292.82-292.89 292.9 304 305.2-305.9 648.3",
    "psycho": "295-298 299.10 299.11",
    "depre": "300.4 301.12 309.0 309.1 311",
}

_ICD10 = {
    "chf": "I09.81 I11.0 I13.0 I13.2 I50",
    "valv": "A52.03 I05-I08 I09.1 I09.89 I34-I39 Q23.0-Q23.3 Z95.2-Z95.4",
    "pcd": "I26 I27.0 I27.1 I27.8 I27.9 I28.9 T80.0XXA T82.817A T82.818A",
    "pvd": "I70-I72 I73.1 I73.8 I73.9 I74.2-I74.4 I76 I77.1 I77.7 I79 K55.1 K55.8 K55.9 Z95.82",
    "hyp": "I10-I13 I15 I67.4 O10 O11 O15.2 O16",
    "para": "G04.1 G80.0-G80.2 G80.4 G80.8 G80.9 G81-G83 I69.03-I69.06 I69.13-I69.16 "
    "I69.23-I69.26 I69.33-I69.36 I69.83-I69.86 I69.93-I69.96 R53.2",
    "ond": "E75.0 E75.1 E75.23 E75.25 E75.29 E75.4 F84.2 G10-G12 G13.2 G13.8 G20 G21.4 G24.0 "
    "G24.2 G24.8 G25.4 G25.5 G25.81 G30 G31 G32.81 G35 G36.1 G36.8 G36.9 G37 G40 G47.4 G80.3 "
    "G89.0 G91 G93.7 G93.89 G93.9 G94 O99.35 P91.6 R41.0 R41.82 R47.01 R56",
    "cpd": "J40-J45 J47 J60-J67 J68.4",
    "diabunc": "E08.0 E08.1 E08.9 E09.0 E09.1 E09.9 E10.1 E10.9 E11.0 E11.9 E13.0 E13.1 E13.9 "
    "O24.0 O24.1 O24.3 O24.8 O24.9",
    "diabc": "E08.2-E08.6 E08.8 E09.2-E09.6 E09.8 E10.2-E10.6 E10.8 E11.2-E11.6 E11.8 E13.2-E13.6 "
    "E13.8 P70.2",
    "hypothy": "E00 E01.8 E02 E03.0-E03.3 E03.8 E03.9 E89.0",
    "rf": "I12.0 I13.11 I13.2 N18.3-N18.6 N18.9 N19 Z49 Z91.15 Z94.0 Z99.2",
    "ld": "B18.0-B18.2 I85 K70.0 K70.2-K70.4 K70.9 K72.1 K72.9 K73 K74 K75.4 K75.81 K76.0 K76.6 "
    "K76.89 K76.9 Z94.4",
    "pud": "K25.4-K25.7 K25.9 K26.4-K26.7 K26.9 K27.4-K27.7 K27.9 K28.4-K28.7 K28.9",
    "aids": "B20",
    "lymph": "C81-C86 C88 C90 C96.0 C96.2 C96.4 C96.9 C96.A C96.Z D47.Z9",
    "metacanc": "C77-C79 C7B C80.0 C80.1 R18.0",
    "solidtum": "C00-C26 C30-C34 C37-C41 C43 C45.0-C45.2 C45.7 C47-C49 C4A C50-C58 C60-C76 C7A.0 "
    "D03 E31.21-E31.23",
    "rheumd": "L90.0 L94.0 L94.1 L94.3 M05 M06 M08 M12.0 M32-M34 M35.0 M35.1 M35.3 M35.5 M35.8 "
    "M35.9 M36.0 M36.8 M45 M46.0 M46.1 M46.5 M46.8 M46.9 M48.8 M49",
    "coag": "D65-D67 D68.0-D68.4 D68.8 D68.9 D69.1 D69.3-D69.6 D75.82 O99.1",
    "obes": "E66.0-E66.2 E66.8 E66.9 O99.21 R93.9 Z68.3 Z68.4 Z68.54",
    "wloss": "E40-E46 E64.0 R63.4 R63.6",
    "fed": "E86 E87",
    "blane": "D50.0 O90.81 O99.0",
    "dane": "D50.1 D50.8 D50.9 D51-D53 D63 D64.9",
    "alcohol": "F10.1 F10.2 F10.921 F10.94-F10.99",
    "drug": "F11.10 F11.120 F11.122 F11.129 F11.14 F11.159 F11.18 F11.19 F11.2 F11.90 F11.922 "
    "F11.93 F11.94 F11.959 F11.98 F11.99 F12.10 F12.122 F12.159 F12.18 F12.19 F12.2 F12.90 "
    "F12.922 F12.959 F12.98 F12.99 F13.10 F13.120 F13.14 F13.159 F13.18 F13.19 F13.2 F13.90 "
    "F13.93 F13.94 F13.959 F13.96-F13.99 F14.10 F14.120 F14.122 F14.14 F14.159 F14.18 F14.19 "
    "F14.2 F14.90 F14.922 F14.94 F14.959 F14.98 F14.99 F15.10 F15.120 F15.122 F15.14 F15.159 "
    "F15.18 F15.19 F15.2 F15.90 F15.922 F15.93 F15.94 F15.959 F15.98 F15.99 F16.10 F16.120 "
    "F16.122 F16.14 F16.159 F16.18 F16.19 F16.2 F16.90 F16.94 F16.959 F16.98 F16.99 F18.10 "
    "F18.120 F18.14 F18.159 F18.17-F18.19 F18.2 F18.90 F18.94 F18.959 F18.97-F18.99 F19.10 "
    "F19.120 F19.122 F19.14 F19.159 F19.16-F19.19 F19.2 F19.90 F19.922 F19.93 F19.94 F19.959 "
    "F19.96-F19.99 F55 O99.32",
    "psycho": "F20 F22-F25 F28-F31 F32.4 F32.5 F33.4 F34.8 F34.9 F39 F44.89 F84.3",
    "depre": "F32.0-F32.3 F32.8 F32.9 F33.0-F33.3 F33.8 F33.9 F34.1 F43.21",
}

ELIXHAUSER_AHRQ = CodeTable("elixhauser_ahrq", _ICD9, _ICD10)
