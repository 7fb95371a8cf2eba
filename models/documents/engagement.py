"""The document of the engagement score: how many points for what. The score is their sum, from 0 to 100."""

from datetime import datetime, timedelta

import polars as pl
from pydantic import Field, model_validator

from models.documents.loading import Document, RefusedError

MOST_POINTS = 100


class Recency(Document):
    """Points for a last own act within so many days of the run."""

    within_days: int = Field(ge=1, le=90)
    points: int = Field(ge=0, le=MOST_POINTS)


class Counted(Document):
    """``points`` for each, at most ``most`` in all."""

    points: int = Field(ge=0, le=MOST_POINTS)
    most: int = Field(ge=0, le=MOST_POINTS)


class EngagementDocument(Document):
    """``recency``: the first step that fits, shortest first. ``active_days``: days with an own act in the last 90.
    ``messages``: messages that the customer wrote in the last 30 days."""

    recency: tuple[Recency, Recency, Recency]
    active_days: Counted
    messages: Counted

    @model_validator(mode="after")
    def _adds_up(self) -> "EngagementDocument":
        days = [step.within_days for step in self.recency]
        if days != sorted(set(days)):
            raise RefusedError("recency: the steps go from the shortest time to the longest", "recency：天数应由短到长")
        most = max(step.points for step in self.recency) + self.active_days.most + self.messages.most
        if most != MOST_POINTS:
            raise RefusedError(
                f"the most points that can be had are {most}; they must add up to {MOST_POINTS}",
                f"各项最高分之和为 {most}，应为 {MOST_POINTS}",
            )
        return self


RULES_SCHEMA: dict[str, pl.DataType] = {
    **{f"recency_since_{step}": pl.Datetime("us") for step in (1, 2, 3)},
    **{f"recency_points_{step}": pl.Int64() for step in (1, 2, 3)},
    **dict.fromkeys(("active_day_points", "active_day_most", "message_points", "message_most"), pl.Int64()),
}


def rules_table(document: EngagementDocument, as_of: datetime) -> pl.DataFrame:
    """The input ``engagement_rules`` of dbt, one row. ``recency_since_n``: since when an act has step n's points."""
    row = {
        **{f"recency_since_{n}": as_of - timedelta(days=one.within_days) for n, one in enumerate(document.recency, 1)},
        **{f"recency_points_{n}": one.points for n, one in enumerate(document.recency, 1)},
        "active_day_points": document.active_days.points,
        "active_day_most": document.active_days.most,
        "message_points": document.messages.points,
        "message_most": document.messages.most,
    }
    return pl.DataFrame([row], schema=RULES_SCHEMA)
