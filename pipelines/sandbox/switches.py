"""What can be switched in a full world: traits of the data, and effects of what the company does on its customers.

Both are plain numbers. A trait is a share of the cases in which it may occur; an effect of zero leaves behaviour as it
would have been, because what would have been is drawn first and effects only take away or add to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self


@dataclass(frozen=True)
class _Numbers:
    """Shares between 0 and 1, each with its usual value. Raises ValueError for others."""

    def __post_init__(self) -> None:
        outside = [one.name for one in fields(self) if not 0 <= getattr(self, one.name) <= 1]
        if outside:
            raise ValueError(f"shares lie between 0 and 1: {', '.join(outside)}")

    @classmethod
    def off(cls) -> Self:
        """All zero."""
        return cls(**{one.name: 0.0 for one in fields(cls)})

    def having(self, **numbers: float) -> Self:
        """The same with some numbers changed."""
        return replace(self, **numbers)


@dataclass(frozen=True)
class Traits(_Numbers):
    """What makes people hard to recognise. Zero everywhere: a world in which an identifier has one owner for good."""

    household: float = 0.30  # of people: live with others of the world at one address
    shared_phone: float = 0.25  # of members of a household but its first: give that one's phone as their own
    changed_phone: float = 0.08  # of people with a phone of their own: take another number within the window
    recycled_phone: float = 0.35  # of numbers given up early: somebody else has them 90 days later
    staff_phone: float = 0.02  # of sales by staff: the employee's phone stands for the buyer's
    gift: float = 0.06  # of orders sent to an address: for somebody else
    phone_typo: float = 0.01  # of phones typed by staff: two digits changed places
    name_typo: float = 0.03  # of member records: the last character of the name is another one that sounds the same
    nickname: float = 0.20  # of receivers: not the full name
    second_corp: float = 0.05  # of external contacts: follow-up in the company's other corp as well
    anonymous_visit: float = 0.25  # of sessions: the visitor is not signed in at first
    late_order: float = 0.004  # of sales in stores: the till hands them over in a later delivery
    late_event: float = 0.02  # of events: arrive hours or days after they happened


@dataclass(frozen=True)
class Effects(_Numbers):
    """How customers answer to what the company does. Zero: they do not notice."""

    service_speed: float = 0.45  # chance to leave for good after a complaint without an answer for two days or more
    lead_delay: float = 0.50  # share of a lead's chance that each day without contact costs
    send_hour: float = 0.60  # share of the response lost at the hour that suits the person least
    message_fatigue: float = 0.20  # share of the response lost for every message of the 30 days before
    retention_contact: float = 0.45  # chance that a contact shortly before leaving keeps the customer
    offer: float = 0.30  # chance of an additional order within a week, of a person whom offers move most


def switched(pairs: Sequence[str]) -> tuple[Traits, Effects]:
    """The usual traits and effects with some changed: texts like ``lead_delay=0``. Raises ValueError with the names."""
    traits, effects = Traits(), Effects()
    of_traits, of_effects = ([one.name for one in fields(kind)] for kind in (Traits, Effects))
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in (*of_traits, *of_effects):
            raise ValueError(f"{name} is no switch; traits: {', '.join(of_traits)}; effects: {', '.join(of_effects)}")
        try:
            share = float(text)
        except ValueError:
            raise ValueError(f"{pair}: a switch is set like {name}=0.5") from None
        traits = traits.having(**{name: share}) if name in of_traits else traits
        effects = effects.having(**{name: share}) if name in of_effects else effects
    return traits, effects
