"""Which part of what parties are due goes out by the payment channel, order by order, and which is paid offline.

Pure. A channel lets a merchant split off a payment at most a ratio of the order, at most what is left of it after fee
and refunds, to so many registered receivers a request, in so many requests, within so many days. Whatever does not fit
is ``offline``: it is due all the same. The product computes instructions; it never holds the money.

Amounts are minor units. The number of an instruction follows from what it is of, so that a repeat is the same request.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.documents.payouts import ChannelLimits, PayoutDocument
from models.money import PPM, largest_remainder


@dataclass(frozen=True)
class Payment:
    """A payment at a channel. ``paid_at`` is naive UTC; ``fee`` what the channel took, ``refunded`` what went back to
    the payer, ``split`` what earlier instructions sent off and ``requests`` how many they were."""

    order_key: str
    channel: str
    transaction_id: str
    paid_at: datetime
    amount: int
    fee: int = 0
    refunded: int = 0
    split: int = 0
    requests: int = 0
    currency: str = "CNY"


@dataclass(frozen=True)
class Due:
    """What a party is due of an order, above zero."""

    party_id: str
    amount: int


@dataclass(frozen=True)
class Instruction:
    """One receiver's line of one request to a channel."""

    out_order_no: str
    channel: str
    transaction_id: str
    order_key: str
    receiver_type: str
    receiver_account: str
    party_id: str
    amount: int
    currency: str
    not_before: datetime  # naive UTC: the channel refuses a request earlier than that
    is_last: bool  # of the order: the channel may release the rest to the merchant


@dataclass(frozen=True)
class Offline:
    """What goes another way, and why: ratio, unregistered, frozen_over, receivers,
    not_of_channel, no_payment (no bill has the order's payment), balance (of no order of the period)."""

    order_key: str
    party_id: str
    amount: int
    currency: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """Of one order or of many."""

    instructions: tuple[Instruction, ...]
    offline: tuple[Offline, ...]


@dataclass(frozen=True)
class Return:
    """Money that a receiver gives back of an instruction (回退)."""

    out_return_no: str
    instruction: Instruction
    amount: int


def ceiling(payment: Payment, limits: ChannelLimits) -> int:
    """What may still be split off a payment: the ratio counts on the whole order, all requests together."""
    by_ratio = payment.amount * limits.max_ratio_ppm // PPM
    left = payment.amount - payment.fee - payment.refunded
    return max(min(by_ratio, left) - payment.split, 0)


def channel_fee(amount: int, rate_ppm: int) -> int:
    """The fee of a channel, rounded half up to the minor unit: 0.60 % of 32.50 is 0.20, 0.90 % of 0.01 is 0.00."""
    doubled = 2 * amount * rate_ppm + PPM
    return doubled // (2 * PPM)


def plan(payment: Payment, dues: Sequence[Due], document: PayoutDocument, now: datetime) -> Plan:
    """Instructions for one payment, and what is left to be paid offline; the two sum to what is due.

    ``now`` is naive UTC. A part that does not fit is taken from all receivers in proportion (largest remainder).
    """
    limits = document.channels.get(payment.channel)  # type: ignore[call-overload]
    others = sorted((due for due in dues if due.amount > 0), key=lambda due: due.party_id)
    if limits is None:
        return Plan((), tuple(_offline(payment, due, due.amount, "not_of_channel") for due in others))
    others = [due for due in others if due.party_id != limits.collector]  # its share stays where the money is
    if now >= payment.paid_at + timedelta(days=limits.freeze_days):
        return Plan((), tuple(_offline(payment, due, due.amount, "frozen_over") for due in others))
    registered = [due for due in others if document.receiver(due.party_id, payment.channel)]
    offline = [_offline(payment, due, due.amount, "unregistered") for due in others if due not in registered]
    places = limits.receivers_per_request * max(limits.requests_per_order - payment.requests, 0)
    largest = sorted(registered, key=lambda due: (-due.amount, due.party_id))
    offline += [_offline(payment, due, due.amount, "receivers") for due in largest[places:]]
    chosen = sorted(largest[:places], key=lambda due: due.party_id)
    sent = _fitted(chosen, ceiling(payment, limits))
    offline += [
        _offline(payment, due, due.amount - amount, "ratio")
        for due, amount in zip(chosen, sent, strict=True)
        if amount < due.amount
    ]
    instructions = _instructions(payment, chosen, sent, document, limits)
    return Plan(instructions, tuple(sorted(offline, key=lambda one: (one.party_id, one.reason))))


def returned(instruction: Instruction, wanted: int, before: int) -> Return:
    """What a receiver gives back after a refund: never more than it got. ``before``: given back earlier.

    Raises ValueError for an amount that is not above zero.
    """
    if wanted <= 0:
        raise ValueError(f"a return is above zero, got {wanted}")
    amount = min(wanted, instruction.amount - before)
    number = _number("R", instruction.out_order_no, instruction.receiver_account, str(before), str(amount))
    return Return(number, instruction, amount)


def allotted(payable: int, dues: Sequence[Due], currency: str, party_id: str) -> tuple[list[Due], list[Offline]]:
    """What of a party's payable balance is due of which order; ``party_id`` of each due is the order's key here.

    Above what its orders give (an older balance) it is paid offline; below (refunds, debts, payments before) every
    order gives less, in proportion. Nothing payable: nothing is due.
    """
    earned = sorted((due for due in dues if due.amount > 0), key=lambda due: due.party_id)
    total = sum(due.amount for due in earned)
    shares = _fitted(earned, payable)
    rest = payable - min(payable, total)
    offline = [Offline("", party_id, rest, currency, "balance")] if rest else []
    return [replace(due, amount=share) for due, share in zip(earned, shares, strict=True) if share], offline


def together(plans: Iterable[Plan]) -> Plan:
    """The plans of many orders as one, in the order of their numbers."""
    found = list(plans)
    instructions = sorted(
        (one for plan in found for one in plan.instructions), key=lambda one: (one.out_order_no, one.party_id)
    )
    offline = sorted(
        (one for plan in found for one in plan.offline), key=lambda one: (one.party_id, one.order_key, one.reason)
    )
    return Plan(tuple(instructions), tuple(offline))


def _fitted(dues: Sequence[Due], most: int) -> list[int]:
    if sum(due.amount for due in dues) <= most:
        return [due.amount for due in dues]
    if most <= 0:
        return [0 for _ in dues]
    return largest_remainder(most, [due.amount for due in dues])


def _instructions(
    payment: Payment, dues: Sequence[Due], amounts: Sequence[int], document: PayoutDocument, limits: ChannelLimits
) -> tuple[Instruction, ...]:
    lines = []
    sent = [(due.party_id, amount) for due, amount in zip(dues, amounts, strict=True) if amount > 0]
    size = limits.receivers_per_request
    groups = [sent[start : start + size] for start in range(0, len(sent), size)]
    for request, group in enumerate(groups, start=payment.requests + 1):
        told = [f"{party}={amount}" for party, amount in group]
        number = _number("P", payment.channel, payment.transaction_id, str(request), *told)
        for party, amount in group:
            receiver = document.receiver(party, payment.channel)
            assert receiver is not None
            lines.append(
                Instruction(
                    out_order_no=number,
                    channel=payment.channel,
                    transaction_id=payment.transaction_id,
                    order_key=payment.order_key,
                    receiver_type=receiver.type,
                    receiver_account=receiver.account,
                    party_id=party,
                    amount=amount,
                    currency=payment.currency,
                    not_before=payment.paid_at + timedelta(seconds=limits.wait_seconds),
                    is_last=False,
                )
            )
    last = lines[-1].out_order_no if lines else ""
    return tuple(replace(line, is_last=line.out_order_no == last) for line in lines)


def _offline(payment: Payment, due: Due, amount: int, reason: str) -> Offline:
    return Offline(payment.order_key, due.party_id, amount, payment.currency, reason)


def _number(kind: str, *pieces: str) -> str:
    """At most 64 characters of letters and digits, as the channels ask."""
    return kind + hashlib.sha256("\0".join(pieces).encode()).hexdigest()[:31]
