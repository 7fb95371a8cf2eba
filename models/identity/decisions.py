"""What people decided about who is who, as constraints on personas."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Said:
    """Decisions in force, said of personas.

    same: left_persona, right_persona, decision_id; one link for each decision, whatever else would contradict.
    apart: persona_id, decision_id, side (``left``, ``right``): no customer holds both sides of one decision.
    """

    same: pl.DataFrame
    apart: pl.DataFrame
