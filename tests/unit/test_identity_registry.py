"""The identity registry, read strictly. The accident: a rule that names a type which nobody states, and never links."""

import pytest

from models.documents.identity import GUARDED_TYPES, IdentityRegistry
from models.documents.loading import DocumentError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("identifiers: [{name: phone, prioritty: 1}]", r"identity\.yaml: identifiers\.0\.prioritty"),
        ("identifiers: [{name: phone}, {name: phone}]", "type phone is listed twice"),
        ("identifiers: [{name: phone}]\nrules: [{name: r, same: [fone]}]", "rule r names fone"),
        (
            "identifiers: [{name: phone}]\nrules: [{name: r, same: [phone], guards: [{kind: date}]}]",
            "a guard needs a type",
        ),
        ("identifiers: [{name: phone, limits: [{of: m, most: 2}]}]", "a limit of phone names m"),
    ],
)
def test_a_registry_that_does_not_hold_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        IdentityRegistry.parse(text, name="identity.yaml")


def test_a_registry_that_guards_more_types_than_the_tables_hold_is_refused() -> None:
    names = [f"t{n}" for n in range(GUARDED_TYPES + 1)]
    rules = [
        f"{{name: r{n}, same: [phone], guards: [{', '.join(f'{{type: {name}}}' for name in names[n : n + 6])}]}}"
        for n in range(0, len(names), 6)
    ]
    text = f"identifiers: [{{name: phone}}]\nattributes: [{', '.join(names)}]\nrules: [{', '.join(rules)}]"
    with pytest.raises(DocumentError, match="the guards compare 13 types"):
        IdentityRegistry.parse(text, name="identity.yaml")
