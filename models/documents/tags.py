"""The document of rule tags: who gets which tag, by conditions on what is known of a customer, and for how long.

A condition is that of an audience (``models.audiences.conditions``); what it may ask about is ``TAG_FIELDS``.
"""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from models.audiences.conditions import Condition, canonical, fields_of, parse
from models.audiences.fields import FIELDS
from models.documents.audience import Title
from models.documents.loading import Document, RefusedError

MOST_TAGS = 500
#: Fields of audiences that a tag may ask about. A tag's history is kept for good with the values that decided, so it
#: asks about no personal value; and not about tags, which would have to be known before they are decided.
TAG_FIELDS = tuple(
    name for name, field in FIELDS.items() if not field.personal and name not in ("has_tag", "customer_id")
)


class TagRule(Document):
    """``when``: a condition tree. ``expires_after_days``: after so many days the tag goes though the condition holds;
    it comes back when the condition has failed in between. Without: it goes when the condition fails."""

    id: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
    name: Title
    group: Title
    when: dict[str, Any]
    expires_after_days: int | None = Field(default=None, ge=1, le=3650, strict=True)

    @field_validator("when", mode="before")
    @classmethod
    def _checked(cls, content: object) -> dict[str, Any]:
        tree = parse(content)
        for name in sorted(fields_of(tree)):
            if name not in TAG_FIELDS:
                raise RefusedError(
                    f"a tag cannot ask about {name}: its values are personal or tags themselves; "
                    f"known: {', '.join(TAG_FIELDS)}",
                    f"标签规则不能使用 {name}（个人信息或标签本身）；可用字段：{'、'.join(TAG_FIELDS)}",
                )
        return canonical(tree)

    @property
    def tree(self) -> Condition:
        return parse(self.when)


class TagDocument(Document):
    """Every rule tag of the company."""

    tags: tuple[TagRule, ...] = Field(default=(), max_length=MOST_TAGS)

    @model_validator(mode="after")
    def _each_once(self) -> "TagDocument":
        seen: set[str] = set()
        for rule in self.tags:
            if rule.id in seen:
                raise RefusedError(f"tag {rule.id!r} is there twice", f"标签 {rule.id!r} 重复")
            seen.add(rule.id)
        return self

    @property
    def fields(self) -> frozenset[str]:
        """Every field that some condition asks about."""
        return frozenset[str]().union(*(fields_of(rule.tree) for rule in self.tags))
