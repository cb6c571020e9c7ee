"""Transcriptomes whose pathways follow known signals: log-normal genes, reads drawn by Poisson.

log2 of the abundance of gene g in patient i is

    mean_g + loading_g shown_ik + shift_g institution_i + noise_g e_ig,

where k is the programme that the gene belongs to, if any, and shown is the programme's signal with
noise: tissue is never pure. Reads are drawn at a depth that differs between libraries; TPM is their
share of a million. Genes are taken as equally long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from zlib import crc32

import numpy as np

from tumorboard.formats.hgnc import nomenclature
from tumorboard.records import Floats, Ints

#: Programme -> its genes. Names of hallmarks: genes listed are some of that hallmark's (Liberzon et
#: al., Cell Systems 2015). Exhaustion: Wherry & Kurachi, Nat Rev Immunol 2015; Zheng et al., Cell
#: 2017. Markers of histology: Travis et al., J Thorac Oncol 2015 and cited there.
PROGRAMMES: Mapping[str, tuple[str, ...]] = {
    name: tuple(genes.split())
    for name, genes in {
        "HALLMARK_HYPOXIA": (
            "PGK1 PDK1 GBE1 PFKL ALDOA ENO2 PGM1 NDRG1 HK2 ALDOC GPI MXI1 SLC2A1 P4HA1 ADM P4HA2 "
            "ENO1 PFKP AK4 FAM162A PFKFB3 VEGFA BNIP3L TPI1 ERO1A KDM3A CCNG2 LDHA GYS1 GAPDH "
            "BHLHE40 ANGPTL4 MAFF DDIT4 SLC2A3 NFIL3 HK1 STC1 PLIN2 ANKZF1"
        ),
        "HALLMARK_G2M_CHECKPOINT": (
            "AURKA CCNA2 TOP2A CCNB2 CENPA BIRC5 CDC20 PLK1 TTK PRC1 NDC80 KIF11 NUSAP1 CKS2 KIF2C "
            "MKI67 AURKB TPX2 SMC4 BUB1 CENPF RACGAP1 CENPE UBE2C MCM6 MCM3 PTTG1 CDK1 KIF4A ESPL1 "
            "MAD2L1 NEK2 HMMR KPNA2 CDKN3 CDC25A PLK4 CDC6 MCM5 KIF15"
        ),
        "T_CELL_EXHAUSTION": (
            "PDCD1 CTLA4 LAG3 HAVCR2 TIGIT TOX TOX2 ENTPD1 CXCL13 BATF EOMES PRDM1 CD244 CD160 "
            "BTLA NFATC1 TNFRSF9 LAYN ITGAE MYO7A PHLDA1 SNX9 CCL3 GZMB IFNG IKZF2 IRF4 CD200"
        ),
        "HALLMARK_EPITHELIAL_MESENCHYMAL_TRANSITION": (
            "COL3A1 COL5A2 COL5A1 FBN1 COL1A1 FN1 COL6A3 COL1A2 VCAN TGFBI SPARC LUM LAMC2 TAGLN "
            "LOXL2 COL6A2 THBS2 NNMT MMP2 COL11A1 FAP BGN POSTN THY1 TNC VIM CDH11 TIMP1"
        ),
        "HALLMARK_INTERFERON_ALPHA_RESPONSE": (
            "MX1 ISG15 IFIT3 IFI44 IFI35 IRF7 RSAD2 IFI44L IFITM1 IFI27 IRF9 OASL EIF2AK2 IFIT2 "
            "TAP1 SP110 DDX60 UBE2L6 USP18 IFIH1 BST2 HERC6 SAMD9 CMPK2 IFITM3 STAT2 PARP14 PARP9"
        ),
        "HALLMARK_OXIDATIVE_PHOSPHORYLATION": (
            "NDUFS3 UQCRB NDUFS2 SDHA UQCRC1 NDUFA9 NDUFS4 NDUFS1 NDUFA2 NDUFS8 SDHB ATP5F1A COX5B "
            "UQCRH COX7B SDHD CYCS NDUFA6 ACO2 CYC1 NDUFB6 COX5A UQCRC2 COX6C IDH3B OGDH CS FH"
        ),
        "SQUAMOUS_MARKERS": "KRT5 KRT6A KRT6B KRT14 TP63 DSG3 DSC3 SOX2 PKP1 TRIM29 SERPINB5",
        "ADENOCARCINOMA_MARKERS": "NAPSA NKX2-1 SFTPB SFTPC SFTPA1 SFTPD KRT7 MUC1 SLC34A2 CEACAM6",
    }.items()
}  # fmt: skip
#: Families of genes that the background is made of; numbered members of each are in HGNC.
_FAMILIES = (
    "ABC[A-G] ADAM ADAMTS AKAP ANKRD ARHGAP ARHGEF ATP1[0-3][A-C] BMP CACNA1 CAPN CASP CCDC CDC "
    "CDH CDK CEP CHST CLDN COX CXCR DDX DHX DNAJ[A-C] DUSP EIF EXOSC FAM FBXL FBXO FGF FOX[A-Q] "
    "FZD GPR HDAC HSPA IGFBP IL ITGA ITGB KCN[A-T] KDM KIF KLF KLHL LRRC MAP[23]K MAPK MED MMP "
    "MRPL MRPS MYH NEK NLRP NUDT NUP PCDH[AB] PDE PEX POLR PPP1R PSM[A-D] RAB RBM RNF RPL RPS SCN "
    "SLC SMAD SNX SOX STK STX TAF TBC1D TMEM TNFSF TRIM TSPAN TTC UBE2 USP VPS WDR WNT ZBTB ZC3H "
    "ZDHHC ZNF"
)

#: Standard deviation of the log2 depth of libraries and their median reads.
_DEPTH_SPREAD, _MEDIAN_READS = 0.4, 2e7
#: Position of a second institution's genes: standard deviation in log2 units.
_SHIFT = 0.15
#: Programmes whose genes pull apart squamous cell carcinoma and adenocarcinoma.
_HISTOLOGY = {"SQUAMOUS_MARKERS": 2.5, "ADENOCARCINOMA_MARKERS": -2.5}


@cache
def background_symbols() -> tuple[str, ...]:
    """Approved symbols of numbered gene families, in an order that means nothing."""
    family = re.compile(f"(?:{'|'.join(_FAMILIES.split())})[0-9]{{1,3}}[A-Z]?[0-9]{{0,2}}")
    taken = {gene for genes in PROGRAMMES.values() for gene in genes}
    # symbols of pseudogenes end in P and a number
    found = nomenclature().approved - taken
    kept = [gene for gene in found if family.fullmatch(gene) and "P" not in gene[-3:]]
    return tuple(sorted(kept, key=lambda gene: (crc32(gene.encode()), gene)))


def gene_sets_text() -> str:
    """The programmes as a GMT file: name, description, genes, with tabs between them."""
    rows = [(name, "some of its genes, simulated", *genes) for name, genes in PROGRAMMES.items()]
    return "".join("\t".join(row) + "\n" for row in rows)


@dataclass(frozen=True)
class ExpressionModel:
    """What is the same in every patient: which genes there are, and what they follow.

    Args:
        n_genes: Genes in all, those of the programmes among them.
        noise: Standard deviation of what a programme shows beside its signal.
    """

    n_genes: int
    noise: float

    @cached_property
    def genes(self) -> tuple[str, ...]:
        """Symbols, programme by programme and then the background."""
        own = [gene for genes in PROGRAMMES.values() for gene in genes]
        return (*own, *background_symbols()[: self.n_genes - len(own)])

    @cached_property
    def programme(self) -> Ints:
        """(G,) Number of each gene's programme, -1 for the background."""
        sizes = [len(genes) for genes in PROGRAMMES.values()]
        found = np.full(len(self.genes), -1)
        found[: sum(sizes)] = np.repeat(np.arange(len(sizes)), sizes)
        return found

    @cached_property
    def parameters(self) -> tuple[Floats, Floats, Floats, Floats]:
        """(G,) mean log2 abundance, loading, noise and shift between institutions of each gene."""
        mean, loading, noise, shift = np.stack([_gene(gene) for gene in self.genes]).T
        is_own = self.programme >= 0
        # many reads, yet a small part of all: a pathway that is up takes little from the others
        mean = np.where(is_own, 4 + mean / 2, 4 + 2.2 * mean)
        return mean, np.where(is_own, 0.6 + 0.4 * loading, 0.0), 0.6 + 0.5 * noise, _SHIFT * shift

    def signals(self, shown: Mapping[str, Floats], is_squamous: Floats) -> Floats:
        """(n, programmes) of what each programme shows; those that are not named must be.

        Args:
            shown: Programme -> (n,) signal with its noise.
            is_squamous: (n,) 1 for squamous cell carcinoma, 0 for adenocarcinoma.
        """
        centred = 2 * is_squamous - 1
        columns = [
            _HISTOLOGY[name] * centred if name in _HISTOLOGY else shown[name] for name in PROGRAMMES
        ]
        return np.stack(columns, axis=1)

    def draw(self, signals: Floats, *, institution: float, rng: np.random.Generator) -> Floats:
        """(G,) TPM of one patient.

        Args:
            signals: (programmes,) what each shows.
            institution: Position of the laboratory between -1 and 1, or beyond for others.
            rng: Source of all randomness of this patient.
        """
        mean, loading, noise, shift = self.parameters
        own = np.where(self.programme >= 0, signals[self.programme], 0.0)
        log2 = mean + loading * own + shift * institution
        log2 += noise * rng.standard_normal(len(mean))
        abundance = np.exp2(log2)
        depth = _MEDIAN_READS * np.exp2(_DEPTH_SPREAD * rng.standard_normal())
        reads = rng.poisson(abundance / abundance.sum() * depth)
        return reads / reads.sum() * 1e6

    def variance_of(self, name: str) -> float:
        """Variance of a programme's signal given the genes and no prior: noise, then the genes'.

        Reads are so many in these genes that their counting noise is neglected.
        """
        own = self.programme == list(PROGRAMMES).index(name)
        _, loading, noise, _ = self.parameters
        return self.noise**2 + 1 / float(np.sum((loading[own] / noise[own]) ** 2))

    def score_reliability(self, name: str) -> float:
        """Squared correlation of the mean log2 abundance of a programme's genes and its signal."""
        own = self.programme == list(PROGRAMMES).index(name)
        _, loading, noise, _ = self.parameters
        of_signal = float(loading[own].mean()) ** 2
        of_genes = float(np.sum(noise[own] ** 2)) / int(own.sum()) ** 2
        return of_signal / (of_signal * (1 + self.noise**2) + of_genes)


@cache
def _gene(symbol: str) -> tuple[float, float, float, float]:
    """Numbers of one gene: a normal, two between 0 and 1, a normal; the same in every cohort."""
    rng = np.random.default_rng([*symbol.encode()])
    return (float(rng.standard_normal()), *rng.random(2).tolist(), float(rng.standard_normal()))


def rows_of(genes: Sequence[str], tpm: Floats) -> list[list[str]]:
    """Rows of a table of genes x patients: the symbol, then TPM to four decimals.

    Args:
        genes: (G,) symbols.
        tpm: (n, G).
    """
    return [[gene, *(f"{x:.4f}" for x in row)] for gene, row in zip(genes, tpm.T, strict=True)]
