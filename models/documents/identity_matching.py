"""The probabilistic part of the identity registry: what is compared, how, and between whom."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.documents.loading import Document

#: How the values of an attribute are compared; ``models/identity/comparing.py`` holds the levels of each kind.
Kind = Literal[
    "exact", "text", "tokens", "latin_name", "name", "pinyin", "date", "postcode", "place", "address", "phone_mask"
]

_KEY = re.compile(r"(?P<attribute>[a-z][a-z0-9_]*)(\[(:(?P<head>[1-9]\d*)|-(?P<tail>[1-9]\d*):)\])?")


def _is_key(key: str) -> str:
    key_parts(key)
    return key


def key_parts(key: str) -> tuple[str, int | None]:
    """(attribute, characters) of a key: positive for the first ones, negative for the last, None for the whole value.

    Raises ValueError when the text is no key.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise ValueError(f'"{key}" is no key; write an attribute, its beginning or its end: surname[:3], phone[-4:]')
    if found["head"]:
        return found["attribute"], int(found["head"])
    return found["attribute"], -int(found["tail"]) if found["tail"] else None


#: An attribute, its first or its last characters as Python cuts them: ``surname``, ``surname[:3]``, ``phone[-4:]``.
Key = Annotated[str, AfterValidator(_is_key)]
#: Keys that must all be equal; a row that does not state all of them is not in the block.
Rule = Annotated[tuple[Key, ...], Field(min_length=1)]


class Companion(Document):
    """A second attribute that strangers share together with the first: a family has one surname and one address."""

    attribute: str
    kind: Kind


class Comparison(Document):
    """One attribute and how two values of it are compared.

    ``partner``: the second attribute of a kind that reads two: the surname of a ``latin_name`` (``attribute`` is the
    given name), the pinyin of a ``name``, the outer place of a ``place``.
    ``jointly``: compared together with a companion, every level of the one with every level of the other. What two
    strangers share together is then counted, not multiplied: relatives are not taken for one person. The frequency of
    a value does not count there.
    ``frequency``: the rarer an agreeing value, the more it says. ``least_frequency``: values rarer than this share of
    the rows count as this frequent.
    """

    attribute: str
    kind: Kind
    partner: str | None = None
    jointly: Companion | None = None
    frequency: bool = True
    least_frequency: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _parts_are_named(self) -> "Comparison":
        if self.kind == "latin_name" and self.partner is None:
            raise ValueError(f"{self.attribute}: a latin_name needs its surname's attribute as partner")
        if self.jointly is not None and "latin_name" in (self.kind, self.jointly.kind):
            raise ValueError(f"{self.attribute}: a latin_name is two attributes already and has no companion")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the profiles that the comparison reads."""
        companion = None if self.jointly is None else self.jointly.attribute
        return tuple(name for name in (self.attribute, self.partner, companion) if name is not None)


class Certain(Document):
    """Rules that are almost never wrong, and the share of all matches that they find: they tell the base rate."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    recall: float = Field(gt=0, le=1)


class Matching(Document):
    """What the probabilistic pass does. Rows are profiles: one per unit, one column per attribute.

    Weights are log2 of the odds that two profiles are one person: 0 is as likely as not, 10 is 1000 to 1.
    ``between``: pairs only between different values of ``source`` (two lists without duplicates of their own), and one
    to one: each row has one partner at most. ``weak``: compared attributes that many people share, such as a masked
    phone; a pair that agrees in nothing else is a link only when no rival of either side is within ``margin``.
    """

    comparisons: tuple[Comparison, ...] = Field(min_length=2)
    blocking: tuple[Rule, ...] = Field(min_length=1)
    training: tuple[Rule, ...] = Field(default=(), description="blocks on which it learns; empty: those of blocking")
    certain: Certain
    largest_block: int = Field(default=1000, ge=2, description="rows; a larger block says little and costs its square")
    between: bool = False
    weak: tuple[str, ...] = ()
    margin: float = Field(default=0.0, ge=0)
    cut: float | None = Field(default=0.0, description="mean weight that joins clusters; null: calibrated each time")
    review_from: float = Field(default=-3.0, description="not joined from this weight up: for people to review")
    least_weight: float = Field(default=-5.0, description="lower pairs are not kept; so much counts an absent pair")
    most_weight: float = Field(default=15.0, description="no pair counts more in a mean")
    sample_pairs: int = Field(default=1_000_000, ge=10_000, description="random pairs: what strangers share")
    seed: int = Field(default=20260101, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _attributes_are_compared_once(self) -> "Matching":
        columns = [column for comparison in self.comparisons for column in comparison.columns]
        twice = sorted({column for column in columns if columns.count(column) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: compared twice; keep one comparison")
        unknown = sorted(set(self.weak) - set(columns))
        if unknown:
            raise ValueError(f"weak: {', '.join(unknown)} is not compared")
        return self

    @model_validator(mode="after")
    def _everything_can_be_learned(self) -> "Matching":
        used = [{key_parts(key)[0] for key in rule} for rule in self.training or self.blocking]
        for comparison in self.comparisons:
            if all(keys & set(comparison.columns) for keys in used):
                raise ValueError(
                    f"{comparison.attribute}: every training rule holds it equal, so nothing can be learned of it;"
                    " add a rule without it"
                )
        return self

    @model_validator(mode="after")
    def _weights_are_ordered(self) -> "Matching":
        if not self.least_weight <= self.review_from <= self.most_weight:
            raise ValueError("review_from must lie between least_weight and most_weight")
        if self.cut is not None and not self.least_weight < self.cut < self.most_weight:
            raise ValueError("cut must lie between least_weight and most_weight")
        return self

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every column of the profiles that is read, sorted."""
        rules = (*self.blocking, *self.training, *self.certain.rules)
        keys = {key_parts(key)[0] for rule in rules for key in rule}
        return tuple(sorted(keys | {column for comparison in self.comparisons for column in comparison.columns}))


class LikelyMatching(Matching):
    """The pass of a run, between the customers that rules made. What is compared is made of personas:
    name, name_pinyin, phone_mask, city, district, birth_date, gender.

    ``known_by``: identifier types; a customer who holds one is known. Of two known ones a pair must agree in something
    that is not weak. ``one_each``: identifier types of which a customer usually holds one value in each application
    (the part before a colon): of two buyers of one application who fit one customer by weak attributes alone the one
    with more orders is taken, the other sent a gift. ``least_orders``: who is known by such an identifier is not linked
    by weak attributes alone before so many orders went to the one masked phone: the first may be a gift.
    """

    known_by: tuple[str, ...] = Field(min_length=1)
    one_each: tuple[str, ...] = ()
    least_orders: int = Field(default=1, ge=1)
    retrain_after_days: int = Field(default=30, ge=1)
    training_customers: int = Field(default=50_000, ge=100, description="of so many, drawn evenly, it learns")
