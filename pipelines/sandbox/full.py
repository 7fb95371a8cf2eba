"""The full world: a company and its people with everything that any source will serve, and the truth about it.

``World`` is the trunk that the demo uses; ``FullWorld`` holds one, in which traits and effects (``switches``) show,
and a frame for every further subject. A company of a million is a number of parts of at most ``PART_PEOPLE`` people:
they share the company, and no identifier or number of one occurs in another.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.sandbox import (
    behaviour,
    browsing,
    buying,
    channels,
    community,
    delivering,
    households,
    lessons,
    needs,
    oracles,
    premises,
    records,
    service,
    shopping,
    wallets,
)
from pipelines.sandbox import people as population
from pipelines.sandbox.behaviour import Life
from pipelines.sandbox.community import Community
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import Settled
from pipelines.sandbox.numbering import PART_PEOPLE, Numbering
from pipelines.sandbox.shopping import Shopping
from pipelines.sandbox.switches import Effects, Traits
from pipelines.sandbox.world import World

DAYS = 730


@dataclass(frozen=True)
class FullWorld:
    """Frames, one grain each; ``person_id`` is hidden from the systems everywhere.

    ``world``: the trunk's frames, with corp_id on contacts and follows. Who people are: households (person_id),
    addresses (person_id), phones (person_id, first_day), accounts (person_id), visitors (visitor_id), identities
    (identifier, scope, person_id, valid_from). What they do: purchases are ``world.orders``; deliveries (store_id,
    order_id), payments (order_id), app_events (event_id), tickets (ticket_id), chats (msgid), reviews (review_id),
    messages (campaign_id, person_id), leads (lead_id), follow_ups (follow_up_id), enrolments (enrolment_id), devices
    (device_id), visits (visit_id, line_no), memberships (member_no), points (entry_id), cards (entry_id), coupons
    (coupon_code), shop_statements (platform, entry_id, kind). The truth beyond: wants (person_id), best_churn
    (person_id, day), best_demand (day, category); ``best_score`` of leads and ``uplift`` of messages.
    """

    company: Company
    part: int
    traits: Traits
    effects: Effects
    world: World
    wants: pl.DataFrame
    households: pl.DataFrame
    addresses: pl.DataFrame
    phones: pl.DataFrame
    accounts: pl.DataFrame
    visitors: pl.DataFrame
    identities: pl.DataFrame
    deliveries: pl.DataFrame
    payments: pl.DataFrame
    app_events: pl.DataFrame
    tickets: pl.DataFrame
    chats: pl.DataFrame
    reviews: pl.DataFrame
    messages: pl.DataFrame
    leads: pl.DataFrame
    follow_ups: pl.DataFrame
    enrolments: pl.DataFrame
    devices: pl.DataFrame
    visits: pl.DataFrame
    memberships: pl.DataFrame
    points: pl.DataFrame
    cards: pl.DataFrame
    coupons: pl.DataFrame
    shop_statements: pl.DataFrame
    community: Community
    best_churn: pl.DataFrame
    best_demand: pl.DataFrame

    @classmethod
    def generate(
        cls,
        customers: int,
        seed: int,
        ends_on: date,
        days: int = DAYS,
        traits: Traits | None = None,
        effects: Effects | None = None,
    ) -> "FullWorld":
        """A company of up to PART_PEOPLE customers. The same arguments give the same world, on any machine.

        Raises ValueError for no customers, more than fit in one part, or a window under 120 days.
        """
        if not 1 <= customers <= PART_PEOPLE or days < 120:
            raise ValueError(
                f"one part holds 1 to {PART_PEOPLE} customers and at least 120 days, got {customers} and {days}; "
                "larger companies consist of parts"
            )
        return cls.one_part(Company.plan(customers, seed, ends_on, days), 0, traits, effects)

    @classmethod
    def one_part(
        cls, company: Company, part: int, traits: Traits | None = None, effects: Effects | None = None
    ) -> "FullWorld":
        """A part of a company's people, by its number from 0. Raises ValueError when there is no such part."""
        traits, effects = traits or Traits(), effects or Effects()
        size = min(company.part_people, company.customers - part * company.part_people)
        if part < 0 or size < 1:
            raise ValueError(f"a company of {company.customers} customers has no part {part}")
        drawn = _draw(company, part, size, traits, effects)
        frames = _trade(company, drawn, traits, part) | _service(company, drawn, effects, part)
        wants, accounts, world = drawn.wants, drawn.accounts, drawn.world
        return cls(
            company=company,
            part=part,
            traits=traits,
            effects=effects,
            world=world,
            wants=wants.with_columns(pl.Series("leaves", drawn.life.leaves)),
            households=drawn.settled.households,
            addresses=drawn.settled.addresses,
            phones=drawn.settled.phones,
            accounts=accounts,
            visitors=records.visitors(company, drawn.settled, accounts, wants, traits, drawn.seed),
            identities=channels.identities(company, drawn.settled, accounts, drawn.mistakes),
            messages=records.messages(company, drawn.settled, drawn.life),
            community=community.gather(company, world, wants, frames["payments"], frames["chats"], drawn.seed, part),
            best_churn=oracles.churn(company, drawn.hidden, drawn.life, _cuts(company.days)),
            best_demand=oracles.demand(company, drawn.hidden, wants, drawn.life),
            **frames,
        )


@dataclass(frozen=True)
class _Drawn:
    """Who the people of a part are and what they did: what all further frames tell of."""

    seed: int
    settled: Settled
    hidden: pl.DataFrame
    wants: pl.DataFrame
    life: Life
    shopped: Shopping
    accounts: pl.DataFrame
    world: World
    mistakes: pl.DataFrame


def _draw(company: Company, part: int, size: int, traits: Traits, effects: Effects) -> _Drawn:
    numbering = Numbering(company.seed, part, people=company.part_people)
    seed = company.seed + part * 1_000_003
    everybody = population.people(size, seed, company.ends_on, company.stores, premises.CITIES, numbering)
    settled = households.settle(everybody, traits, seed, numbering, company.days)
    hidden = buying.latent(settled.people, seed, company.days)
    wants = needs.latent(settled.people, hidden, seed)
    life = behaviour.live(company, settled.people, hidden, wants, effects, seed)
    shopped = shopping.shop(company, settled, hidden, wants, life.purchases, traits, seed, part)
    accounts = channels.accounts(settled.people, wants, traits, seed, numbering)
    world, mistakes = records.trunk(company, settled, hidden, accounts, shopped, traits, seed, part)
    return _Drawn(seed, settled, hidden, wants, life, shopped, accounts, world, mistakes)


def _trade(company: Company, drawn: _Drawn, traits: Traits, part: int) -> dict[str, pl.DataFrame]:
    """What goes with orders: parcels, payments, the apps' log, memberships, points, coupons, statements."""
    seed, settled, shopped = drawn.seed, drawn.settled, drawn.shopped
    amounts = wallets.totals(shopped)
    points = wallets.points(shopped, amounts, seed, part)
    return {
        "deliveries": delivering.deliver(company, settled, drawn.accounts, shopped, traits, seed),
        "payments": wallets.payments(drawn.accounts, shopped, amounts, seed, part),
        "app_events": browsing.browse(
            company, settled.people, drawn.accounts, drawn.wants, shopped, traits, seed, part
        ),
        "memberships": records.memberships(settled, drawn.world, points, amounts, shopped, seed),
        "points": points,
        "coupons": wallets.coupons(company, settled, shopped, drawn.life, seed, part),
        "shop_statements": wallets.shop_statements(company, shopped, amounts, drawn.world.refunds),
    }


def _service(company: Company, drawn: _Drawn, effects: Effects, part: int) -> dict[str, pl.DataFrame]:
    """What goes on beside orders: tickets and what was written, leads and what became of them, visits, cards."""
    seed, settled, shopped, life = drawn.seed, drawn.settled, drawn.shopped, drawn.life
    tickets = service.tickets(company, settled, life, shopped, seed, part)
    leads = lessons.leads(company, settled, drawn.wants, effects, seed, part)
    visits = lessons.visits(company, settled, drawn.hidden, life, seed, part)
    return {
        "tickets": tickets,
        "chats": service.chats(tickets, seed, part),
        "reviews": service.reviews(company, shopped, tickets, seed, part),
        "leads": leads.drop("person"),
        "follow_ups": lessons.follow_ups(company, settled, leads, life, seed, part),
        "enrolments": lessons.enrolments(company, settled, leads, seed, part),
        "devices": lessons.devices(company, settled, leads, seed, part),
        "visits": visits,
        "cards": wallets.cards(settled, shopped, wallets.totals(shopped), visits, seed, part),
    }


def _cuts(days: int) -> tuple[int, ...]:
    """Cut-offs every 30 days from the window's end back to its 60th day, the last one at the end."""
    return tuple(int(day) for day in np.arange(days, 60, -30)[::-1])
