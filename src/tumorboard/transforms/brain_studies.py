"""Study file that stands beside a simulated cohort with brain tumours."""

from __future__ import annotations

STUDY = """\
# A simulated cohort: nobody of flesh and blood. truth.json beside this file holds what a perfect
# reader of the images alone, and one of images and notes, can reach.
#     tumorboard evaluate study.toml

[study]
name = "simulated-brain-mri"
question = "Does the clinical note help to outline the tumour?"
seed = {seed}

[cohort]
source = "folder"
table = "patients.csv"
patient_id = "patient_id"

[task]
kind = "segmentation"
image = "mri"
mask = "masks/{{case}}.nii.gz"
labels = {labels}

[modalities.mri]
kind = "volume"
files = ["mri/{{case}}/{{case}}_t1.nii.gz", "mri/{{case}}/{{case}}_t1c.nii.gz", \
"mri/{{case}}/{{case}}_t2.nii.gz", "mri/{{case}}/{{case}}_flair.nii.gz"]
spacing_mm = {spacing}
size = {size}
normalise = "zscore"
flip = []                            # a note speaks of left and right
encoder = {{name = "unet", widths = [16, 32, 64, 128], norm = "batch"}}

[modalities.note]
kind = "notes"
files = "notes/{{case}}.txt"
# words one by one do not tell whether a place is the tumour's or the decoy's: read in order
encoder = {{name = "word_vectors", pool = "gru"}}

[modalities.record]
kind = "table"
numeric = ["age"]
categorical = ["sex", "treatment"]
encoder = {{name = "mlp", widths = [16]}}

# A note says which of two lesions is the tumour; the image cannot.
[arms]
image = {{modalities = ["mri"]}}
concatenation = {{modalities = ["mri", "note"], fusion = "concatenation"}}
static = {{modalities = ["mri", "note"], fusion = "static_weights"}}
dynamic = {{modalities = ["mri", "note"], fusion = "dynamic_attention"}}
film = {{modalities = ["mri", "note"], fusion = "film"}}

[training]
epochs = 40
batch_size = 16
optimizer = {{name = "adamw", learning_rate = 2e-3, weight_decay = 1e-4}}
schedule = "cosine"
stop = {{metric = "dice", keep = "last"}}
modality_dropout = 0.1               # so that a silent note is nothing new
# slice by slice, with the slice below and above as channels: quick without a GPU
patches = {{size = {patch}, per_case = 8, neighbours = 1}}

[evaluation]
folds = 5
primary = {{arm = "dynamic", reference = "image", metric = "dice"}}

[report]
population = "simulated patients, nobody of flesh and blood"
"""
