"""Quan's coding tables of 2005 as regular expressions, read a second time.

Source: Quan H, Sundararajan V, Halfon P, et al. Coding algorithms for defining comorbidities in
ICD-9-CM and ICD-10 administrative data. Med Care 2005;43:1130-1139. Table 1 holds the 17 Charlson
categories, table 2 the 31 Elixhauser categories. ICD-9-CM is read from the columns "Enhanced
ICD-9-CM", ICD-10 from the columns "ICD-10".

Written without sight of the module it checks, so that agreement of the two means something. The
entries were confirmed against plain transcriptions of the tables and against the SAS programs that
the authors gave out (University of Calgary, Manitoba Centre for Health Policy), the R packages
comorbidity and icd, and elixhauser_quan.sql and charlson.sql of the MIMIC code repository.

Each expression is for `re.match` on a code without dots, in upper case. The alternatives stand in
the order of the paper. An entry stands for itself and all its subdivisions, whether the paper
prints "428.x" or "278.0", as in the authors' programs. A range of the paper is a character class
over its last digit: 425.4-425.9 is 425[4-9], whether or not each of these codes exists. Classes
hold digits only. ICD-10-CM's C4A (Merkel cell), C7A and C7B (neuroendocrine tumours) are in no
category: the paper's ICD-10 has no such codes. No category suppresses another.

Where implementations differ from the paper or from each other:

- Peripheral vascular disease, Charlson, ICD-9-CM: the paper prints "47.1", a misprint for 447.1
  (stricture of artery). Table 2 prints 447.1, the authors' program has 4471, and 047.1 is a viral
  meningitis. This is the one entry corrected here.
- The authors' ICD-9-CM programs, and after them elixhauser_quan.sql of the MIMIC code, leave out
  those members of the printed ranges that are no ICD-9-CM codes: 4256, 4433-4437, 497-499,
  5725-5727, 5833, 5835, 2802-2807, 2916, 2917, and in one program 166-169, 177, 178. Here the
  ranges are whole, as printed.
- "174.x-195.8" (Charlson, malignancy) ends at the last code of 195, so the whole of 195 is read,
  as in the authors' program; "174.x-195.x" of table 2 says the same.
- Sources of the R package icd have 588 for renal failure of table 2; the paper has 588.0.
- charlson.sql of the MIMIC code, ICD-10: "C45" to "C58" is a range of strings, which takes in C4A;
  "E10l" is a misprint for E101.
- A copy of table 2 on the web has "Z95.2, Z95.4" (valvular disease); the transcriptions and the
  authors' program have Z95.2-Z95.4.
"""

from __future__ import annotations

ELIXHAUSER_ICD9 = {
    "chf": r"(39891|40201|40211|40291|40401|40403|40411|40413|40491|40493|425[4-9]|428)",
    "carit": (r"(4260|42613|4267|4269|42610|42612|427[0-4]|427[6-9]|7850|99601|99604|V450|V533)"),
    "valv": r"(0932|39[4-7]|424|746[3-6]|V422|V433)",
    "pcd": r"(4150|4151|416|4170|4178|4179)",
    "pvd": r"(0930|4373|440|441|443[1-9]|4471|5571|5579|V434)",
    "hypunc": r"(401)",
    "hypc": r"(40[2-5])",
    "para": r"(3341|342|343|344[0-6]|3449)",
    "ond": (r"(3319|3320|3321|3334|3335|33392|33[45]|3362|340|341|345|3481|3483|7803|7843)"),
    "cpd": r"(4168|4169|49[0-9]|50[0-5]|5064|5081|5088)",
    "diabunc": r"(250[0-3])",
    "diabc": r"(250[4-9])",
    "hypothy": r"(2409|243|244|2461|2468)",
    "rf": (r"(40301|40311|40391|40402|40403|40412|40413|40492|40493|585|586|5880|V420|V451|V56)"),
    "ld": (
        r"(07022|07023|07032|07033|07044|07054|0706|0709|456[0-2]|570|571|572[2-8]"
        r"|5733|5734|5738|5739|V427)"
    ),
    "pud": r"(5317|5319|5327|5329|5337|5339|5347|5349)",
    "aids": r"(04[2-4])",
    "lymph": r"(20[0-2]|2030|2386)",
    "metacanc": r"(19[6-9])",
    # 140.x-172.x, 174.x-195.x: 173, other malignant neoplasms of skin, is left out
    "solidtum": r"(1[4-6][0-9]|17[0-2]|17[4-9]|18[0-9]|19[0-5])",
    "rheumd": (r"(446|7010|710[0-4]|7108|7109|7112|714|7193|720|725|7285|72889|72930)"),
    "coag": r"(286|2871|287[3-5])",
    "obes": r"(2780)",
    "wloss": r"(26[0-3]|7832|7994)",
    "fed": r"(2536|276)",
    "blane": r"(2800)",
    "dane": r"(280[1-9]|281)",
    "alcohol": (r"(2652|291[1-3]|291[5-9]|3030|3039|3050|3575|4255|5353|571[0-3]|980|V113)"),
    "drug": r"(292|304|305[2-9]|V6542)",
    "psycho": r"(2938|295|29604|29614|29644|29654|297|298)",
    "depre": r"(2962|2963|2965|3004|309|311)",
}

ELIXHAUSER_ICD10 = {
    "chf": r"(I099|I110|I130|I132|I255|I420|I42[5-9]|I43|I50|P290)",
    "carit": r"(I44[1-3]|I456|I459|I4[7-9]|R000|R001|R008|T821|Z450|Z950)",
    "valv": r"(A520|I0[5-8]|I091|I098|I3[4-9]|Q23[0-3]|Z95[2-4])",
    "pcd": r"(I26|I27|I280|I288|I289)",
    "pvd": r"(I70|I71|I731|I738|I739|I771|I790|I792|K551|K558|K559|Z958|Z959)",
    "hypunc": r"(I10)",
    "hypc": r"(I1[1-3]|I15)",
    "para": r"(G041|G114|G801|G802|G81|G82|G83[0-4]|G839)",
    "ond": (r"(G1[0-3]|G2[0-2]|G254|G255|G312|G318|G319|G32|G3[5-7]|G40|G41|G931|G934|R470|R56)"),
    "cpd": r"(I278|I279|J4[0-7]|J6[0-7]|J684|J701|J703)",
    "diabunc": (r"(E100|E101|E109|E110|E111|E119|E120|E121|E129|E130|E131|E139|E140|E141|E149)"),
    "diabc": r"(E10[2-8]|E11[2-8]|E12[2-8]|E13[2-8]|E14[2-8])",
    "hypothy": r"(E0[0-3]|E890)",
    "rf": r"(I120|I131|N18|N19|N250|Z49[0-2]|Z940|Z992)",
    "ld": (r"(B18|I85|I864|I982|K70|K711|K71[3-5]|K717|K7[2-4]|K760|K76[2-9]|Z944)"),
    "pud": r"(K257|K259|K267|K269|K277|K279|K287|K289)",
    "aids": r"(B2[0-2]|B24)",
    "lymph": r"(C8[1-5]|C88|C96|C900|C902)",
    "metacanc": r"(C7[7-9]|C80)",
    "solidtum": (
        r"(C0[0-9]|C1[0-9]|C2[0-6]|C3[0-4]|C3[7-9]|C4[01]|C43|C4[5-9]|C5[0-8]"
        r"|C6[0-9]|C7[0-6]|C97)"
    ),
    "rheumd": (r"(L940|L941|L943|M05|M06|M08|M120|M123|M30|M31[0-3]|M3[2-5]|M45|M461|M468|M469)"),
    "coag": r"(D6[5-8]|D691|D69[3-6])",
    "obes": r"(E66)",
    "wloss": r"(E4[0-6]|R634|R64)",
    "fed": r"(E222|E86|E87)",
    "blane": r"(D500)",
    "dane": r"(D508|D509|D5[1-3])",
    "alcohol": r"(F10|E52|G621|I426|K292|K700|K703|K709|T51|Z502|Z714|Z721)",
    "drug": r"(F1[1-6]|F18|F19|Z715|Z722)",
    "psycho": r"(F20|F2[2-5]|F28|F29|F302|F312|F315)",
    "depre": r"(F204|F31[3-5]|F32|F33|F341|F412|F432)",
}

CHARLSON_ICD9 = {
    "ami": r"(410|412)",
    "chf": r"(39891|40201|40211|40291|40401|40403|40411|40413|40491|40493|425[4-9]|428)",
    # the paper prints 47.1 for 447.1, see above
    "pvd": r"(0930|4373|440|441|443[1-9]|4471|5571|5579|V434)",
    "cevd": r"(36234|43[0-8])",
    "dementia": r"(290|2941|3312)",
    "copd": r"(4168|4169|49[0-9]|50[0-5]|5064|5081|5088)",
    "rheumd": r"(4465|710[0-4]|714[0-2]|7148|725)",
    "pud": r"(53[1-4])",
    "mld": (r"(07022|07023|07032|07033|07044|07054|0706|0709|570|571|5733|5734|5738|5739|V427)"),
    "diab": r"(250[0-3]|2508|2509)",
    "diabwc": r"(250[4-7])",
    "hp": r"(3341|342|343|344[0-6]|3449)",
    "rend": (
        r"(40301|40311|40391|40402|40403|40412|40413|40492|40493|582|583[0-7]|585|586|5880"
        r"|V420|V451|V56)"
    ),
    # 140.x-172.x, 174.x-195.8, 200.x-208.x, 238.6: without 173
    "canc": r"(1[4-6][0-9]|17[0-2]|17[4-9]|18[0-9]|19[0-5]|20[0-8]|2386)",
    "msld": r"(456[0-2]|572[2-8])",
    "metacanc": r"(19[6-9])",
    "aids": r"(04[2-4])",
}

CHARLSON_ICD10 = {
    "ami": r"(I21|I22|I252)",
    "chf": r"(I099|I110|I130|I132|I255|I420|I42[5-9]|I43|I50|P290)",
    "pvd": r"(I70|I71|I731|I738|I739|I771|I790|I792|K551|K558|K559|Z958|Z959)",
    "cevd": r"(G45|G46|H340|I6[0-9])",
    "dementia": r"(F0[0-3]|F051|G30|G311)",
    "copd": r"(I278|I279|J4[0-7]|J6[0-7]|J684|J701|J703)",
    "rheumd": r"(M05|M06|M315|M3[2-4]|M351|M353|M360)",
    "pud": r"(K2[5-8])",
    "mld": (r"(B18|K70[0-3]|K709|K71[3-5]|K717|K73|K74|K760|K76[2-4]|K768|K769|Z944)"),
    "diab": (
        r"(E100|E101|E106|E108|E109|E110|E111|E116|E118|E119|E120|E121|E126|E128|E129"
        r"|E130|E131|E136|E138|E139|E140|E141|E146|E148|E149)"
    ),
    "diabwc": (r"(E10[2-5]|E107|E11[2-5]|E117|E12[2-5]|E127|E13[2-5]|E137|E14[2-5]|E147)"),
    "hp": r"(G041|G114|G801|G802|G81|G82|G83[0-4]|G839)",
    "rend": r"(I120|I131|N03[2-7]|N05[2-7]|N18|N19|N250|Z49[0-2]|Z940|Z992)",
    "canc": (
        r"(C0[0-9]|C1[0-9]|C2[0-6]|C3[0-4]|C3[7-9]|C4[01]|C43|C4[5-9]|C5[0-8]|C6[0-9]|C7[0-6]"
        r"|C8[1-5]|C88|C9[0-7])"
    ),
    "msld": r"(I850|I859|I864|I982|K704|K711|K721|K729|K765|K766|K767)",
    "metacanc": r"(C7[7-9]|C80)",
    "aids": r"(B2[0-2]|B24)",
}
