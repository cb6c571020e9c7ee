"""Study files that stand beside a simulated radiogenomic cohort."""

from __future__ import annotations

_HEAD = """\
# A simulated cohort: nobody of flesh and blood. truth.json beside this file holds the best that any
# model of each modality, and of all of them, can reach.
#     tumorboard evaluate {name}.toml

[study]
name = "simulated-radiogenomics-{what}"
question = "{question}"
seed = {{seed}}

[cohort]
source = "folder"
table = "patients.csv"
patient_id = "patient_id"
institution = "institution"

[task]
{task}

[modalities.ct]
kind = "volume"
files = "ct/{{{{ct}}}}"
spacing_mm = [3.5, 3.5, 3.5]
size = [24, 24, 24]
window_hu = [-1000, 400]
crop = {{{{around = "tumour_center_mm", convention = "RAS"}}}}
encoder = {{{{name = "resnet3d", depth = 10}}}}

[modalities.rna]
kind = "expression"
table = "rna.csv"
orientation = "genes_by_patients"
scale = "tpm"
top_genes = 500
gene_sets = "gene_sets.gmt"
encoder = {{{{name = "mlp", widths = [64, 32], dropout = 0.3}}}}

# T, N and M stand in the table as well: they spell the stage, so nobody is shown them.
[modalities.record]
kind = "table"
numeric = ["age", "ecog", "haemoglobin", "ldh"]
categorical = ["sex", "smoking", "histology"]
encoder = {{{{name = "mlp", widths = [32, 16]}}}}
"""

STAGE_STUDY = (
    _HEAD.format(
        name="study",
        what="stage",
        question="Do CT and RNA add to the record in telling the stage?",
        task='kind = "classification"\ntarget = "stage"\nclasses = ["I", "II", "IIIA", "IIIB"]',
    )
    + """
[arms]
record = {{modalities = ["record"]}}
ct = {{modalities = ["ct"]}}
rna = {{modalities = ["rna"]}}
fused = {{modalities = ["ct", "rna", "record"], fusion = "concatenation"}}
logistic = {{modalities = ["record"], baseline = "logistic_regression"}}

[training]
epochs = 30
batch_size = 16
optimizer = {{name = "adamw", learning_rate = 3e-4, weight_decay = 1e-5}}
schedule = "cosine"
loss = {{name = "focal", class_weights = "effective_number", gamma = 2.0}}
stop = {{metric = "macro_f1", patience = 8}}

[evaluation]
folds = 5
primary = {{arm = "fused", reference = "record", metric = "auroc"}}
{external}
[report]
population = "simulated patients, nobody of flesh and blood"
"""
)

SURVIVAL_STUDY = (
    _HEAD.format(
        name="study_survival",
        what="survival",
        question="Do CT and RNA add to the record in telling how long patients live?",
        task='kind = "survival"\ntime = "survival_days"\ntime_unit = "days"\nevent = "event"\n'
        "event_value = 1",
    )
    + """
[arms]
record = {{modalities = ["record"]}}
rna = {{modalities = ["rna"]}}
fused = {{modalities = ["ct", "rna", "record"], fusion = "concatenation"}}
cox = {{modalities = ["record"], baseline = "cox"}}

[training]
epochs = 30
batch_size = 32
optimizer = {{name = "adamw", learning_rate = 3e-4, weight_decay = 1e-5}}
schedule = "cosine"

[evaluation]
folds = 5
primary = {{arm = "fused", reference = "cox", metric = "c_index"}}
{external}
[report]
population = "simulated patients, nobody of flesh and blood"
"""
)
