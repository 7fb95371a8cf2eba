"""Who a party of the settlement is, in words."""

import polars as pl

from dashboards import tables
from dashboards.text import Words

# parties that are no store and no employee (docs/settlement.md)
_HEADQUARTERS, _AGENT, _PLATFORM, _ACCOUNT = "hq", "agent:", "platform:", "account:"


def named(frame: pl.DataFrame, words: Words) -> pl.DataFrame:
    """``party`` beside ``party_id`` and ``party_name``; the codes of ``party_role`` in words."""
    found = [name_of(party, name, words) for party, name in zip(frame["party_id"], frame["party_name"], strict=True)]
    return tables.in_words(
        frame.with_columns(pl.Series("party", found, dtype=pl.String)), words, party_role="party_role"
    )


def name_of(party: str, name: str | None, words: Words) -> str:
    """The store's or the employee's ``name`` with its number; headquarters, agents, platforms, accounts in words."""
    if name is not None:
        return f"{name} ({party})"
    if party == _HEADQUARTERS:
        return words.code("party_role", party)
    if party.startswith(_AGENT):
        return words("settlement.agent_of", region=party.removeprefix(_AGENT))
    if party.startswith(_PLATFORM):
        return words("settlement.platform_of", channel=words.code("channel", party.removeprefix(_PLATFORM)))
    if party.startswith(_ACCOUNT):
        return words("settlement.account", number=party.removeprefix(_ACCOUNT))
    return party
