"""What people do over time, and what the company's doing changes of it.

What would happen anyway is drawn first: purchases by the buying clock, complaints, contacts by staff, messages. Effects
then only take away (who waits too long for an answer leaves) or give back (a contact in time keeps a customer, an offer
makes an additional order), each by a draw that is made whether or not the effect is on. So the same seed with an effect
at zero is the same company without it, and the difference is what the effect did.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.sandbox import buying
from pipelines.sandbox.chance import Bools, Chance, Floats, Ints
from pipelines.sandbox.company import HOLDOUT, Company
from pipelines.sandbox.switches import Effects

COMPLAINTS = 0.03  # share of purchases
RESCUE_DAYS = 30  # a contact so many days before leaving may keep a customer
_SLOW_HOURS = 48.0  # a wait of so many hours has the whole effect
_RESPONSE_DAYS = 6
_AUDIENCE_DAYS, _INVITED = 365, 0.2  # a campaign asks one in five of those who bought within a year


@dataclass(frozen=True)
class Purchases:
    """Occasions to buy, ordered by person and day: ``person`` (row number), ``day`` of the window, ``campaign`` (row
    number of the company's campaigns, -1: none)."""

    person: Ints
    day: Ints
    campaign: Ints


@dataclass(frozen=True)
class Life:
    """``leaves``: day after which each person buys no more. ``contacts``: one row per contact by staff (person, day,
    kept: it kept the customer). ``complaints``: one row per complaint (person, day of the purchase, opened (second of
    the window), wait_hours to the first answer, walked: the customer left over it). ``messages``: one row per campaign
    and invited person (campaign, person, day, hour, is_holdout, before (messages of the last 30 days), uplift (the
    known chance of an additional order), responds (day of that order, -1: none))."""

    leaves: Floats
    purchases: Purchases
    contacts: pl.DataFrame
    complaints: pl.DataFrame
    messages: pl.DataFrame


def live(
    company: Company, people: pl.DataFrame, hidden: pl.DataFrame, wants: pl.DataFrame, effects: Effects, seed: int
) -> Life:
    """Everybody's life in the window. The same arguments give the same life."""
    contacts, within = _contacts(people, hidden, seed, company.days)
    would_stay = Chance(seed, "second life").exponential(people.height) * 200 + 60
    leaves = hidden["leaves"].to_numpy()
    longest = np.where(within >= 0, np.round(leaves + would_stay, 4), leaves)
    raw_person, raw_day = buying.purchases(
        hidden.with_columns(pl.Series("leaves", longest)), seed, company.starts_on, company.days
    )
    order = np.lexsort((raw_day, raw_person))
    raw_person, raw_day = raw_person[order], raw_day[order]
    kept = (within >= 0) & Chance(seed, "kept").happens(people.height, effects.retention_contact)
    stays = np.where(kept, longest, leaves)
    complaints = _complaints(raw_person, raw_day, seed, effects)
    walked = complaints.filter("walks").group_by("person").agg(pl.col("opened").min())
    end = stays.copy()
    index = walked["person"].to_numpy()
    end[index] = np.minimum(end[index], walked["opened"].to_numpy() // 86_400 + 1)
    alive = raw_day <= end[raw_person]
    person, day = raw_person[alive], raw_day[alive]
    messages = _messages(company, wants, person, day, end, effects, seed)
    answered = messages.filter(pl.col("responds") >= 0)
    purchases = _joined(person, day, answered)
    happened = pl.Series(complaints["day"].to_numpy() <= end[complaints["person"].to_numpy()])
    return Life(
        leaves=end,
        purchases=purchases,
        contacts=contacts.with_columns(
            (
                pl.Series(kept[contacts["person"].to_numpy()])
                & (pl.Series(within[contacts["person"].to_numpy()]) == pl.col("day"))
            ).alias("kept")
        ),
        complaints=complaints.filter(happened).rename({"walks": "walked"}),
        messages=messages,
    )


def _contacts(people: pl.DataFrame, hidden: pl.DataFrame, seed: int, days: int) -> tuple[pl.DataFrame, Ints]:
    """Contacts by staff, at days that chance alone chooses; and for each person the day of the last one within
    RESCUE_DAYS before leaving, -1 when there is none."""
    chance = Chance(seed, "retention contacts")
    reached = people["external_userid"].is_not_null().to_numpy()
    count = np.where(reached, chance.pick(people.height, (25, 25, 20, 15, 10, 5)), 0) * days // 365
    person = np.repeat(np.arange(people.height), count)
    day = chance.below(len(person), days)
    frame = pl.DataFrame({"person": person, "day": day}).filter(
        pl.col("day") > pl.Series(hidden["starts"].to_numpy()[person])
    )
    gone = hidden["leaves"].to_numpy()[frame["person"].to_numpy()]
    before = gone - frame["day"].to_numpy()
    rescue = (
        frame.filter(pl.Series((before >= 0) & (before <= RESCUE_DAYS))).group_by("person").agg(pl.col("day").max())
    )
    within = np.full(people.height, -1, dtype=np.int64)
    within[rescue["person"].to_numpy()] = rescue["day"].to_numpy()
    return frame.sort("person", "day"), within


def _complaints(person: Ints, day: Ints, seed: int, effects: Effects) -> pl.DataFrame:
    chance = Chance(seed, "complaints")
    complains = np.flatnonzero(chance.happens(len(person), COMPLAINTS))
    size = len(complains)
    wait = np.round(chance.lognormal(size, 4.0, 1.5), 2)  # hours; who answers when is nobody's merit here
    opened = (day[complains] + 1 + chance.below(size, 4)) * 86_400 + 32_400 + chance.below(size, 43_200)
    walks = chance.uniform(size) < effects.service_speed * np.minimum(wait / _SLOW_HOURS, 1.0)
    return pl.DataFrame(
        {"person": person[complains], "day": day[complains], "opened": opened, "wait_hours": wait, "walks": walks}
    )


def _messages(
    company: Company, wants: pl.DataFrame, person: Ints, day: Ints, leaves: Floats, effects: Effects, seed: int
) -> pl.DataFrame:
    chance = Chance(seed, "campaigns")
    people = wants.height
    campaigns = company.campaigns["day"].to_numpy()
    bought = person * 100_000 + day  # ordered
    frames = []
    for number, sent in enumerate(campaigns.tolist()):
        # The draws come first, for everybody: who is invited must not move the chances of others.
        invited = chance.happens(people, _INVITED)
        at = np.arange(people) * 100_000 + sent
        recent = np.searchsorted(bought, at) > np.searchsorted(bought, at - _AUDIENCE_DAYS)
        hour, holdout = 9 + chance.below(people, 13), chance.happens(people, HOLDOUT)
        draw, later = chance.uniform(people), 1 + chance.below(people, _RESPONSE_DAYS)
        who = np.flatnonzero(invited & recent)
        frames.append(
            pl.DataFrame(
                {
                    "campaign": np.full(len(who), number),
                    "person": who,
                    "day": np.full(len(who), sent),
                    "hour": hour[who],
                    "is_holdout": holdout[who],
                    "draw": draw[who],
                    "later": later[who],
                }
            )
        )
    asked = pl.concat(frames)
    who, sent = asked["person"].to_numpy(), asked["day"].to_numpy()
    before = _messages_before(who, sent, ~asked["is_holdout"].to_numpy())
    off = np.abs(asked["hour"].to_numpy() - wants["active_hour"].to_numpy()[who]) / 12
    weary = np.round((1 - effects.message_fatigue) ** np.arange(64), 9)
    uplift = np.round(
        effects.offer
        * wants["moved_by_offers"].to_numpy()[who]
        * (1 - effects.send_hour * np.minimum(off, 1.0))
        * weary[before]
        * (leaves[who] >= sent),
        6,
    )
    day_of = sent + asked["later"].to_numpy()
    answers = ~asked["is_holdout"].to_numpy() & (asked["draw"].to_numpy() < uplift) & (day_of < company.days)
    return asked.drop("draw", "later").with_columns(
        pl.Series("before", before),
        pl.Series("uplift", uplift),
        pl.Series("responds", np.where(answers, day_of, -1)),
    )


def _messages_before(person: Ints, day: Ints, was_sent: Bools) -> Ints:
    """How many messages each person had got in the 30 days before a day."""
    keys = np.sort((person * 100_000 + day)[was_sent])
    at = person * 100_000 + day
    return np.asarray(np.searchsorted(keys, at) - np.searchsorted(keys, at - 30), dtype=np.int64)


def _joined(person: Ints, day: Ints, answered: pl.DataFrame) -> Purchases:
    everyone = np.concatenate([person, answered["person"].to_numpy()])
    days = np.concatenate([day, answered["responds"].to_numpy()])
    campaign = np.concatenate([np.full(len(person), -1), answered["campaign"].to_numpy()])
    order = np.lexsort((campaign, days, everyone))
    return Purchases(everyone[order], days[order], campaign[order].astype(np.int64))
