"""From what a person types or is asked to what a decision names: a customer or a value becomes an anchor."""

from models.errors import ExpectedError
from models.identifiers import phone_e164
from models.serving import Read
from models.serving.finding import CUSTOMER, ORDER, ORDERS, RECORD, look_up
from models.store.identity_decisions import Anchor


class AnchorError(ExpectedError):
    """A text that names nobody, or several; the message says what to give instead."""


def anchor_of(read: Read, text: str) -> Anchor:
    """What a decision about ``text`` names: a customer id, ``TYPE:VALUE``, or an order as ``SHOP:NUMBER``.

    A customer is named by the strongest value that is its own, else by an order of its; a value must be of one customer
    (a phone may be written without its country code). Raises AnchorError.
    """
    found = look_up(read, text)
    if found.whom.is_empty():
        raise AnchorError(
            f"nobody is known by {found.value}; give a customer id, TYPE:VALUE or an order as SHOP:NUMBER"
        )
    kinds = sorted(set(found.whom["identifier_type"]))
    if len(kinds) > 1:
        choices = ", ".join(f"{one}:{found.value}" for one in kinds)
        raise AnchorError(f"{found.value} is of several types; say which: {choices}")
    if kinds == [ORDER]:
        return _of_order(read, found.value)
    holders = sorted(set(found.whom["customer_id"].drop_nulls()))
    if len(holders) > 1:
        raise AnchorError(f"{text.strip()} is stated by several customers, {', '.join(holders)}; name one of them")
    if kinds != [CUSTOMER]:
        return Anchor(kinds[0], _spelled(kinds[0], found.value))
    if (own := own_anchor(read, holders[0])) is None:
        raise AnchorError(f"{holders[0]} is known by nothing that is its own; give TYPE:VALUE or one of its orders")
    return own


def own_anchor(read: Read, customer_id: str) -> Anchor | None:
    """What names a customer in a decision: the strongest value that is its own, else an order; None: it has neither."""
    rows = read("identity_anchor", customer_id=customer_id)
    return None if rows.is_empty() else Anchor(*rows.row(0))


def _spelled(kind: str, value: str) -> str:
    return phone_e164(value) or value if kind == "phone" else value


def _of_order(read: Read, value: str) -> Anchor:
    record = ORDERS + value.removeprefix(ORDERS)
    if read("identity_holders", identifiers=(record,)).is_empty():
        raise AnchorError(f"several shops may have an order {value}; give it as SHOP:NUMBER")
    return Anchor(RECORD, record)
