"""Full worlds that several tests read, each drawn once: with the usual traits and effects, and without any."""

from datetime import date
from functools import cache

from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.switches import Effects, Traits

ENDS_ON = date(2026, 6, 30)
DAYS = 400


@cache
def usual() -> FullWorld:
    return FullWorld.generate(4_000, 5, ENDS_ON, DAYS)


@cache
def plain() -> FullWorld:
    return FullWorld.generate(1_500, 5, ENDS_ON, DAYS, Traits.off(), Effects.off())
