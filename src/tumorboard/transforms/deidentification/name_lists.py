"""Frequent given names and surnames, and capitalised words of reports that are no names.

Given names: among the most frequent of the United States since 1930 (Social Security
Administration, national data on given names), with frequent ones of other languages. Surnames:
among the most frequent ones (Census Bureau, 2010). Names that are words of medicine or eponyms
(Grace, Rose, Iris, Art, Ray, Bill, Grant; Young, White, Bell, Cook, Graham, Wilson) are left out:
they are found by title, label or full name only.
"""

from __future__ import annotations

_GIVEN = """
aaron abigail adam ahmed aisha alan albert alejandro alexander alexandra alexis alice alicia
amanda amy ana andrea andrew angela anita ann anna anne anthony antonio arthur ashley austin
barbara benjamin betty beverly brandon brenda brian bruce bryan carl carlos carolyn catherine
charles charlotte cheryl christina christine christopher cynthia daniel danielle david deborah
debra dennis diana diane donald donna doris dorothy douglas dylan edward elizabeth ellen emily
emma eric ethan eugene evelyn fatima fernando frances francisco gabriel gary george gerald
giovanni gloria gregory guadalupe hannah harold harry helen henry howard isabella jacob
jacqueline jamal james janet janice jason javier jean jeffrey jennifer jeremy jessica joan
johannes john jonathan jorge jose joseph joshua joyce juan judith judy julia julie justin karen
katherine kathleen kathryn keith kelly kenneth kevin kimberly kyle larry laura lawrence leila
linda lisa logan lois lori louise lucas luis margaret maria marie marilyn martha mary matthew
megan melissa michael michelle miguel mohamed mohammed monica nancy natalie nathan nicholas
nicole noah olivia omar pamela patricia patrick paul paula pedro peter philip phyllis priya
rachel rafael ralph raymond rebecca richard robert roger ronald rosa ruth ryan samantha samuel
sandra sara sarah scott sean sergio sharon shirley sophia stefan stephanie stephen steven susan
sven teresa theresa thomas timothy vanessa veronica vincent walter wayne wei william yusuf
zachary
"""
GIVEN = frozenset(_GIVEN.split())
_SURNAMES = """
adams aguilar alvarez anderson bailey bennett brooks bryant butler campbell carter castillo
chavez chen clarke coleman collins cooper cox cruz davis diaz edwards evans fernandez flores
ford foster garcia gibson gomez gonzales gonzalez gutierrez hamilton harris harrison hayes
henderson hernandez hoffman howard hughes hussain jackson jenkins jensen jimenez johnson jones
kelly kennedy khan kim kumar lewis lopez martin martinez mcdonald medina mendoza meyer miller
mitchell moore morales moreno morgan morris mueller murphy myers nguyen ortiz parker patel
patterson perez perry peterson phillips powell ramirez ramos reyes reynolds richardson rivera
roberts robinson rodriguez rogers romero ross ruiz russell sanchez sanders schmidt schneider
silva simmons singh smith stewart sullivan taylor thompson torres turner vargas vasquez walker
wallace ward watson weber williams wright wu yang zhang
"""
SURNAMES = frozenset(_SURNAMES.split())

#: Behind a name these make it an eponym: "Thomas splint", "Henry's law".
_EPONYM_NOUNS = """
bodies body canal cancer catheter cell cells clamp classification criteria disease drain duct
esophagus fascia flap gland grade grading index law level ligament loop lymphoma method muscle
needle node oesophagus operation patch pouch procedure sarcoma scale score sign space splint
stage staging stain suture syndrome system technique test tumor tumour type
"""
EPONYM_NOUNS = frozenset(_EPONYM_NOUNS.split())
#: Words with a capital in reports, which follow a title or a label and are no names.
_NO_NAMES = """
a abdomen about above accession accn according account addendum additional address admission
after age all also amended amendments american an and any approved approximately as at attending
axilla axillary based because been before benign biopsy block both brain breast but by carcinoma
case cassette cc cell cells cervix chest clinical closure collected college colon comment
comments committee compared complaint complete completed conclusion consent consult consultation
consulted contacted container contributor copies copy core cores criteria cytology date dated
deep department description designated diagnosed diagnosis diagnostic discussed disease done dr
drug each effective efgr egfr electronic electronically end er estrogen evaluation examination
excision external facility fda fellow female fibrous final findings first focal foci following
food for formalin fresh from frozen further gallbladder gender given gross grossly had has have
he her her2 high his histologic histological histology history hospital i id identification if
immunohistochemical immunohistochemistry impression in inc inferior inked interface interpreted
intra intraoperative is it joint ki kidney label labeled labelled laboratory lateral left lesion
lesions light liver lobe low lumpectomy lung lymph m macroscopic male malignant margin margins
mass mastectomy md medial medical metastatic microscopic moderately mr mrs ms multiple mwh my
name names negative new no node nodes none normal not note notes nothing nottingham number of on
oncology operation opinion or order ordering other ovary pager part pas path pathologi
pathologic pathological pathologist pathologists pathology patient patients per performed ph
photo physician positive post pr previous print printed prior procedure procedures progesterone
prostate provided provider received recommend recommended rectum referring related renal report
reported reporting req requested resident results review reviewed right rightsegmental section
sections see seen sentinel separately serial severity sex she showed shows signature signed skin
slide slides some source special specimen specimens squamous stage staging status submitted
submitting subsequent summary superior surgeon surgery surgical synoptic telephone test tests
that the their them there therefore these they this those thyroid time tissue title tnm to
transverse trichrome tumor tumour two type ultrasound unknown up us using uterus verbal verified
via was we were when which who with within without xxx yes you your
prof professor assoc associate asst assistant adjunct emeritus mme mlle compliance dott pa-c np-c
"""
NO_NAMES = frozenset(_NO_NAMES.split())
#: Titles and faculties that are surnames too: no names only where another name follows.
TITLE_NAMES = frozenset(
    ("herr", "frau", "med", "ing", "pastor", "sir", "dame", "madame", "monsieur")
)
#: Words in small letters behind dr, mr and ms that are no names.
_NO_TITLED = """
advised agreed agrees are ask asked aware but call called came can contin could denies did does
elastography first guided head here image images imaging informed isn just know last later may
multiple neck need needs next notified now office ordered orders our pelvis perfusion plan plaque
plaques please presents progressive read recommends relapsing reports said saw say says scan scans
sequence sequences signal signed spectroscopy spine states still study tells then today told
tomorrow tonight too vessel visit visits wall want wanted wants was weekly whether whom why will
wrote yesterday abdomen appointment appt appts consult consults contrast diagnosis directed disease
suggested thinks thought evaluated examined office's
"""
NO_TITLED = NO_NAMES | frozenset(_NO_TITLED.split())
#: Capitalised words behind "patient", "wife" or "son" that are no names.
_NO_RELATIVES = """
ability access accompanied active advised advocate age aged agreed agrees alert alive ambulatory
appeared appears arrived asked assessment autism awake blood calm cancer care carrier caucasian
child class comfort complaining complains consented counseling current currently data deceased
declined demographics denied denies developed diabetes died discharged divorced doing education
expired felt financial general goals healthy hypertension information instructed instructions
intake alone involved is large living location lost medication mother none obese old orders
outcome passed portal positioning present presented presents profile progress refused remained
reported safety satisfaction schizophrenia seated service services sitting smoker smokes stable
states still support tolerated transferred transport treated type underwent well who widowed will
works year young
"""
NO_RELATIVES = NO_NAMES | TITLE_NAMES | frozenset(_NO_RELATIVES.split())
#: Surnames that are words of notes, of the calendar or the map, with the eponyms of diseases.
_WORD_NAMES = """
art ash ball banks barber bass bay beach bean bell berry best bill birch bird bishop black bland
block blood bloom blue bloom bone bond bowles bowling box branch brand bridge bright broad brook
brown buck burn burns bush button cane care carver case cash chance chase cherry child chin church
clay close cloud coffee cold colon cone cook cord cotton cramp crane cross curl curry day deal dean
dew dial dose downs drain drake dry duct dye earl early east english faith fall farmer fast field
fields fine fisher flood flower foot forest fowler fox frank free french friend frost fry garland
gland glass gold golden good gore grace grant gray green grey ground grove gunn hale hand hands hard
harden hart head heart hearn held herb hill hills hives hoarse hope house hunt hunter hurt iris ivy
jewel joint joy judge keen king knee knight lake lamb land lane large law lily link lips list little
lock long loop love low major mark mason mass may medal mercy mild miles mills minor mohs mole moon
moss nail neck noble nodes north nurse oak olive page pain paine pale palm palmer park parks peach
pearl pine pitt poll pope pore post potter pound power price pride prince pruitt pulse queen quick
raines rash ray read reed rice rich ring rivers robin rock rod root rose rush rust sage salt sand
savage sawyer scales sears self senior shaft sharp shell shepherd short shunt silver skin slaughter
small snow sores south spear speed spring steel steep stem stent stern stiff stock stone stones
storm street strong suite summer summers swallow sweet tall temple thorn tongue towns tract trout
vale vein vest violet wade walls waters weeks weight welch wells west wheat white wild will winter
wise wolf wood woods worth wound young grounds april june july august march sunday monday carolina
virginia georgia washington dakota york jersey mexico indiana england israel jordan france london
gleason breslow clark lauren hodgkin hodgkins kaposi ewing wilms burkitt merkel bowen graves paget
hashimoto crohn barrett whipple nottingham bloom richardson scarff elston ellis fuhrman furhman
foley karnofsky child pugh mayo papanicolaou giemsa masson ziehl neelsen gram doppler valsalva
hickman broviac groshong port cushing addison parkinson alzheimer down turner raynaud bell
romberg babinski murphy virchow krukenberg warthin brenner sertoli leydig schwann langerhans
hurthle kupffer barr epstein sister nissen roux heller billroth kocher pfannenstiel lynch cowden
gardner gorlin peutz jeghers sjogren still felty behcet wegener castleman rosai dorfman reed
sternberg homer wright zollinger ellison meckel mallory weiss dukes masaoka robson okuda milan
"""
WORD_NAMES = frozenset(_WORD_NAMES.split()) | NO_NAMES | NO_RELATIVES | NO_TITLED
