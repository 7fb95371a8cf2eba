"""Roles and scopes in words."""

from dashboards.text import Words
from models.store import Scope


def roles_in_words(words: Words, roles: frozenset[str]) -> str:
    """``Region manager, Analyst``; that somebody has none is said too."""
    return words("word.separator").join(words.code("role", role) for role in sorted(roles)) or words("people.no_role")


def scopes_in_words(words: Words, scopes: frozenset[Scope]) -> str:
    """``Whole company`` or ``Region East, Store S001``; that somebody has none is said too."""
    return words("word.separator").join(scope_in_words(words, one) for one in sorted(scopes)) or words(
        "people.no_scope"
    )


def scope_in_words(words: Words, scope: Scope) -> str:
    return words.code("scope", scope.kind) + (f" {scope.value}" if scope.value else "")
