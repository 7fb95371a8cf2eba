"""The journey: the stages through which customers go, what opens and ends each, when a stage is told as moved.

A customer's history is a function of what happened before a moment, whatever day it is computed on. There are three
sorts of stages. *Steps* make the way: who has reached a later one does not fall back. *Quiet* stages lie over it
while nothing is heard of a customer, and end with the next touch. A *back* stage follows a quiet one and ends by
itself.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from models.documents.loading import Document, RefusedError

Kind = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]
MOST_STAGES = 40


class Sort(StrEnum):
    """step: reached once, for ever. quiet: while nothing is heard. back: for a while after a quiet stage."""

    STEP = "step"
    QUIET = "quiet"
    BACK = "back"


class WaitsFor(StrEnum):
    """Whose turn it is in a stage: ours, the customer's, or nobody's, because a period was laid down."""

    WORK = "work"
    CUSTOMER = "customer"
    ADMINISTRATION = "administration"


class StageNames(Document):
    """What a stage is called on pages."""

    zh: str = Field(min_length=1, max_length=40)
    en: str = Field(min_length=1, max_length=40)


class Happened(Document):
    """The ``nth`` interaction of any of the kinds has happened."""

    kinds: tuple[Kind, ...] = Field(min_length=1)
    nth: int = Field(default=1, ge=1, le=1000)


class Gone(Document):
    """Every tie is cut: interactions of kinds ``left`` are as many as those of ``joined``, or more."""

    joined: tuple[Kind, ...] = Field(min_length=1)
    left: tuple[Kind, ...] = Field(min_length=1)


def _alternative(value: Any) -> Any:
    """One condition, or a list of conditions that must all hold."""
    return [value] if isinstance(value, dict) else value


Alternative = Annotated[tuple[Happened, ...], Field(min_length=1), BeforeValidator(_alternative)]


class Stage(Document):
    """One stage. Of ``touched``, ``enter``, ``quiet_days``/``gone`` and ``back_from`` exactly one sort is given.

    touched: a step that any touch opens. enter: a step that any of the alternatives opens. quiet_days: so many
    whole days (of 24 hours) without a touch; gone: every tie is cut; either ends with the next touch. back_from:
    opened by the touch that ends one of these quiet stages, for ``stays_days``, then the customer stands where the
    steps say. target_days: in which a customer should go on; it ranks bottlenecks and bounds the conversion of a
    stage.
    """

    id: str = Field(pattern="^[a-z][a-z0-9_]*$", max_length=40)
    names: StageNames
    touched: bool = False
    enter: tuple[Alternative, ...] = ()
    quiet_days: int | None = Field(default=None, ge=1, le=3650)
    gone: Gone | None = None
    back_from: tuple[str, ...] = ()
    stays_days: int | None = Field(default=None, ge=1, le=3650)
    target_days: int | None = Field(default=None, ge=1, le=3650)
    waits_for: WaitsFor = WaitsFor.WORK

    @property
    def sort(self) -> Sort:
        if self.back_from:
            return Sort.BACK
        return Sort.QUIET if self.quiet_days is not None or self.gone is not None else Sort.STEP

    @model_validator(mode="after")
    def _is_of_one_sort(self) -> "Stage":
        given = [
            self.touched or bool(self.enter),
            self.quiet_days is not None or self.gone is not None,
            bool(self.back_from),
        ]
        if sum(given) != 1 or (self.touched and self.enter):
            raise RefusedError(
                f"stage {self.id}: give one of touched, enter, quiet_days (or gone) and back_from",
                f"阶段 {self.id}：touched、enter、quiet_days（或 gone）、back_from 只能且必须写一种",
            )
        if (self.stays_days is not None) != bool(self.back_from):
            raise RefusedError(
                f"stage {self.id}: stays_days belongs to a stage with back_from, and that needs it",
                f"阶段 {self.id}：stays_days 与 back_from 必须同时出现",
            )
        return self


class StageAlerts(Document):
    """When a week lies outside a stage's own history: the ``weeks`` before it, at least ``least_weeks`` of them known.

    A week with fewer than ``least_entries`` is not judged and is no history. It is outside when it differs from their
    median by more than ``deviations`` robust standard deviations, and by ``least_points`` of a hundred (conversion) or
    ``least_share`` percent of the median (time). ``horizon_days``: conversion counts so many days after the entry
    where a stage has no target.
    """

    weeks: int = Field(default=12, ge=2, le=104)
    least_weeks: int = Field(default=6, ge=2, le=104)
    least_entries: int = Field(default=30, ge=1)
    deviations: float = Field(default=3.5, gt=0, le=100)
    least_points: float = Field(default=5, ge=0, le=100)
    least_share: float = Field(default=20, ge=0, le=1000)
    horizon_days: int = Field(default=30, ge=1, le=3650)

    @model_validator(mode="after")
    def _can_ever_judge(self) -> "StageAlerts":
        if self.least_weeks > self.weeks:
            raise RefusedError(
                "alerts: least_weeks is more than weeks, so nothing would ever be judged",
                "alerts：least_weeks 大于 weeks，将永远无法判断",
            )
        return self


class JourneyDocument(Document):
    """A journey. ``touches``: kinds of interactions that are the customer's own acts. Stages in the order of the
    way."""

    name: str = Field(min_length=1, max_length=80)
    touches: tuple[Kind, ...] = Field(min_length=1)
    stages: tuple[Stage, ...] = Field(min_length=2, max_length=MOST_STAGES)
    alerts: StageAlerts = StageAlerts()

    def of_sort(self, sort: Sort) -> tuple[Stage, ...]:
        return tuple(stage for stage in self.stages if stage.sort is sort)

    @model_validator(mode="after")
    def _the_way_can_be_walked(self) -> "JourneyDocument":
        names = [stage.id for stage in self.stages]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            named = ", ".join(twice)
            raise RefusedError(f"the stage {named} is listed twice; keep one", f"阶段 {named} 重复，请只保留一个")
        if self.stages[0].sort is not Sort.STEP:
            raise RefusedError(
                f"the first stage, {names[0]}, must be a step (touched or enter): customers begin there",
                f"第一个阶段 {names[0]} 必须是步骤（touched 或 enter）：旅程从这里开始",
            )
        if len(self.of_sort(Sort.BACK)) > 1:
            raise RefusedError("only one stage may have back_from", "只能有一个阶段使用 back_from")
        quiet = {stage.id for stage in self.of_sort(Sort.QUIET)}
        for stage in self.of_sort(Sort.BACK):
            if unknown := sorted(set(stage.back_from) - quiet):
                named = ", ".join(unknown)
                raise RefusedError(
                    f"stage {stage.id}: back_from names {named}, which is no quiet stage",
                    f"阶段 {stage.id}：back_from 引用了 {named}，它不是沉睡/流失类阶段",
                )
        silences = [stage.quiet_days for stage in self.of_sort(Sort.QUIET) if stage.quiet_days is not None]
        if silences != sorted(set(silences)):
            raise RefusedError(
                "quiet stages must be in the order of their quiet_days, the shortest first, each longer than the last",
                "沉睡/流失类阶段必须按 quiet_days 从短到长排列，且互不相同",
            )
        return self
