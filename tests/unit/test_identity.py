"""Who is who, by exact identifiers: order does not matter, ids survive, shared things do not merge people."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.documents.identity import IdentityRegistry
from models.documents.loading import DocumentError
from models.identity.clusters import IDENTIFIER, resolve
from models.settings import PROJECT_ROOT

REGISTRY = IdentityRegistry.load(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml")
START = datetime(2026, 1, 1)
NOBODY = pl.DataFrame(
    schema={"identifier_type": pl.String, "identifier": pl.String, "customer_id": pl.String, "seq": pl.Int64}
)


def observations(*records: dict[str, str]) -> pl.DataFrame:
    rows = [
        (f"r{number}", kind, value, START + timedelta(days=number))
        for number, record in enumerate(records)
        for kind, value in record.items()
    ]
    return pl.DataFrame(rows, schema=["record_id", *IDENTIFIER, "observed_at"], orient="row")


def who(result: pl.DataFrame) -> dict[tuple[str, str], str]:
    return {(kind, value): customer for kind, value, customer, _ in result.iter_rows()}


def decided_from(result: pl.DataFrame, seq: int = 1) -> pl.DataFrame:
    return result.select(*IDENTIFIER, "customer_id", seq=pl.lit(seq, dtype=pl.Int64))


def test_records_that_share_an_identifier_are_one_customer() -> None:
    ids = who(
        resolve(
            observations(
                {"unionid": "u1", "phone": "+8613912345678"},
                {"phone": "+8613912345678", "member_no": "m1"},
                {"member_no": "m2"},
            ),
            NOBODY,
            REGISTRY,
            "key",
        )
    )
    assert ids[("unionid", "u1")] == ids[("member_no", "m1")]
    assert ids[("member_no", "m2")] != ids[("member_no", "m1")]


def test_a_blocked_number_links_nobody() -> None:
    records = [{"phone": "+8613800138000", "member_no": f"m{number}"} for number in range(1000)]
    ids = who(resolve(observations(*records), NOBODY, REGISTRY, "key"))
    assert len(set(ids.values())) == 1000
    assert ("phone", "+8613800138000") not in ids


def test_a_phone_shared_by_more_people_than_the_cap_links_nobody() -> None:
    family = [{"phone": "+8613912345678", "member_no": f"m{number}"} for number in range(5)]
    assert len(set(who(resolve(observations(*family), NOBODY, REGISTRY, "key")).values())) == 6  # five, and the phone
    couple = family[:4]
    assert len(set(who(resolve(observations(*couple), NOBODY, REGISTRY, "key")).values())) == 1


def test_the_older_id_survives_a_merge() -> None:
    first = resolve(observations({"member_no": "m1"}), NOBODY, REGISTRY, "key")
    second = resolve(observations({"member_no": "m1"}, {"member_no": "m2"}), decided_from(first, 1), REGISTRY, "key")
    decided = pl.concat([decided_from(first, 1), decided_from(second.filter("is_new"), 2)])
    merged = resolve(
        observations(
            {"member_no": "m1"},
            {"member_no": "m2"},
            {"member_no": "m1", "phone": "+8613912345678"},
            {"member_no": "m2", "phone": "+8613912345678"},
        ),
        decided,
        REGISTRY,
        "key",
    )
    assert set(who(merged).values()) == {who(first)[("member_no", "m1")]}


def test_a_customer_that_falls_apart_keeps_its_id_on_the_larger_part_and_the_other_gets_a_new_one() -> None:
    together = resolve(
        observations(
            {"unionid": "u1", "phone": "+8613912345678", "member_no": "m1"}, {"unionid": "u1", "external_userid": "e1"}
        ),
        NOBODY,
        REGISTRY,
        "key",
    )
    old = who(together)[("unionid", "u1")]
    apart = who(
        resolve(
            observations({"phone": "+8613912345678", "member_no": "m1"}, {"external_userid": "e1"}, {"unionid": "u1"}),
            decided_from(together),
            REGISTRY,
            "key",
        )
    )
    assert apart[("member_no", "m1")] == old
    assert len({apart[("member_no", "m1")], apart[("external_userid", "e1")], apart[("unionid", "u1")]}) == 3


def test_ids_do_not_give_away_the_identifier() -> None:
    one = resolve(observations({"phone": "+8613912345678"}), NOBODY, REGISTRY, "key one")
    other = resolve(observations({"phone": "+8613912345678"}), NOBODY, REGISTRY, "key two")
    assert one["customer_id"][0] != other["customer_id"][0]


records = st.lists(
    st.dictionaries(
        st.sampled_from(["unionid", "external_userid", "member_no", "phone"]),
        st.integers(0, 12).map(lambda n: f"+86139123456{n:02d}"),
        min_size=1,
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=25, deadline=None)
@given(records=records, seed=st.integers(0, 10_000))
def test_order_of_rows_never_matters(records: list[dict[str, str]], seed: int) -> None:
    frame = observations(*records)
    expected = resolve(frame, NOBODY, REGISTRY, "key")
    shuffled = resolve(frame.sample(fraction=1, shuffle=True, seed=seed), NOBODY, REGISTRY, "key")
    assert expected.equals(shuffled)


@settings(max_examples=25, deadline=None)
@given(records=records, split_at=st.integers(0, 30))
def test_what_is_decided_does_not_change_by_asking_again(records: list[dict[str, str]], split_at: int) -> None:
    frame = observations(*records)
    part = frame.head(max(1, split_at))
    first = resolve(part, NOBODY, REGISTRY, "key")
    decided = decided_from(first)
    assert not resolve(part, decided, REGISTRY, "key")["is_new"].any()
    grown = resolve(frame, decided, REGISTRY, "key")
    assert set(grown["customer_id"]) & set(first["customer_id"]), "ids of the first run live on"
    everything = pl.concat([decided, decided_from(grown.filter("is_new"), 2)])
    assert not resolve(frame, everything, REGISTRY, "key")["is_new"].any()


def test_a_registry_with_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(DocumentError, match=r"identity\.yaml: identifiers\.0\.prioritty"):
        IdentityRegistry.parse("identifiers: [{name: phone, prioritty: 1}]", name="identity.yaml")


def test_decided_frames_carry_what_the_contract_asks() -> None:
    from models.contracts import contract

    frame = resolve(observations({"member_no": "m1"}), NOBODY, REGISTRY, "key").with_columns(
        decided_on=pl.lit(date(2026, 1, 2))
    )
    conformed = contract("customer_ids").conform(frame.with_columns(_row=None, _raw=None))
    assert contract("customer_ids").schema.validate(conformed).height == 1
