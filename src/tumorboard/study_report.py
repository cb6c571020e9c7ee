"""Keys of `[report]`: sentences that only the author of a study knows."""

from __future__ import annotations

from tumorboard.study_table import Keys


class Report(Keys):
    """Sentences that only the author knows; shown in the report, "not reported" where absent.

    Args:
        background: Why a prediction is wanted here, and what exists already.
        intended_use: Who would use the prediction, for whom, and at which point of care.
        equity: Known inequalities of care or of outcome between groups of these patients.
        aim: What is developed or evaluated, and the hypothesis.
        design: Prospective or retrospective, and why these data.
        population: Whom the patients stand for.
        setting: Where and when they were seen.
        dates: First and last day of inclusion; end of follow-up.
        eligibility: Who was eligible, in clinical words.
        treatment: Treatments before or at the time of prediction, and how they were handled.
        outcome: How the outcome was established.
        assessors: Who judged the outcome: number, training, agreement.
        blinding: What those who judged the outcome knew of the predictors, and the other way round.
        predictors: How and when the predictors were measured, and why these.
        acquisition: Scanner, protocol and settings of images or assays.
        deidentification: How data were made anonymous.
        sample_size: How the number of patients was settled.
        ethics: Approval and consent.
        funding: Who paid.
        conflicts: Interests of the authors.
        protocol: Where the protocol is, or that there is none.
        registration: Registry and number, or that there is none.
        data_availability: Who gets the data, and how.
        code_availability: Who gets code and models, and how.
        patient_involvement: What patients or the public contributed.
        interpretation: What the results mean beside earlier work, fairness included.
        users: What a user must do and know to use the model.
        next_steps: What must be done before use elsewhere.
    """

    background: str = "none"
    intended_use: str = "none"
    equity: str = "none"
    aim: str = "none"
    design: str = "none"
    population: str = "none"
    setting: str = "none"
    dates: str = "none"
    eligibility: str = "none"
    treatment: str = "none"
    outcome: str = "none"
    assessors: str = "none"
    blinding: str = "none"
    predictors: str = "none"
    acquisition: str = "none"
    deidentification: str = "none"
    sample_size: str = "none"
    ethics: str = "none"
    funding: str = "none"
    conflicts: str = "none"
    protocol: str = "none"
    registration: str = "none"
    data_availability: str = "none"
    code_availability: str = "none"
    patient_involvement: str = "none"
    interpretation: str = "none"
    users: str = "none"
    next_steps: str = "none"
