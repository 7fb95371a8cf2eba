"""Who is who: stories of people and their records, resolved by the models of a run.

Accidents it prevents: a family taken for one person, a recycled number that inherits a stranger's history, ten thousand
orders on the phone of one employee, an id that changes hands, and results that follow the order of rows.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.documents.identity import IdentityRegistry
from models.identity.clusters import Resolution, resolve
from models.identity.ids import IDENTIFIER
from models.identity.observing import observe
from models.settings import PROJECT_ROOT
from pipelines.linking import Linker, Links

REGISTRY = IdentityRegistry.load(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml")
START = datetime(2026, 1, 1)
NOBODY = pl.DataFrame(schema={**dict.fromkeys([*IDENTIFIER, "customer_id"], pl.String), "seq": pl.Int64})
STAFF_PHONE = "+8613612340000"
Record = Mapping[str, str | int]
_NAMES: dict[int, str] = {}


def persona(name: str) -> int:
    """The number of a record: as a run's personas, by the hash of what it is."""
    number = int(hashlib.md5(name.encode()).hexdigest()[:15], 16)
    _NAMES[number] = name
    return number


def number_of(told: pl.DataFrame, identifier: str) -> int:
    """The number of a value, which is the key of a rule of one type."""
    (found,) = told.filter(pl.col("identifier") == identifier)["value_id"].unique()
    return int(found)


def personas(records: Mapping[str, Record]) -> pl.DataFrame:
    """Records by name; ``day`` says when (from 0), everything else what they state."""
    columns = sorted({name for record in records.values() for name in record} - {"day"})
    return pl.DataFrame(
        [
            {
                "persona_id": persona(name),
                **{column: record.get(column) for column in columns},
                "first_seen_at": START + timedelta(days=int(record.get("day", 0))),
                "last_seen_at": START + timedelta(days=int(record.get("day", 0))),
            }
            for name, record in records.items()
        ],
        schema_overrides=dict.fromkeys(columns, pl.String)
        | dict.fromkeys(("first_seen_at", "last_seen_at"), pl.Datetime("us")),
        infer_schema_length=None,
    )


def stories() -> dict[str, dict[str, Record]]:
    """Each story has people of its own; a record's name begins with whose it is."""
    return {
        "shared identifiers": {
            "ann-contact": {"unionid": "u-ann", "external_userid": "wm-ann"},
            "ann-follow": {"external_userid": "wm-ann", "phone": "+8613912345678"},
            "ann-card": {"member_no": "M-ann", "phone": "+8613912345678"},
            "bob-card": {"member_no": "M-bob"},
        },
        "a family of six on one phone": {
            **{
                f"kin{n}-card": {"member_no": f"F{n}", "phone": "+8613911110000", "name": name, "day": n}
                for n, name in enumerate(("王建国", "李秀英", "王小明", "王小红", "王小刚", "李大山"))
            },
            "kin2-order": {"phone": "+8613911110000", "name": "王小明", "day": 40},
            "nobody-order": {"phone": "+8613911110000", "day": 41},
        },
        "a couple on one phone": {
            "wife-card": {"member_no": "W1", "phone": "+8613911112222", "name": "吴美玲", "day": 0},
            "wife-order": {"member_no": "W1", "phone": "+8613911112222", "day": 90},
            "man-card": {"member_no": "W2", "phone": "+8613911112222", "name": "郑强", "day": 10},
            "man-order": {"member_no": "W2", "phone": "+8613911112222", "day": 100},
            "nobody-order": {"phone": "+8613911112222", "day": 60},
        },
        "a store's tablet": {
            f"visitor{n}-event": {"visitor_id": "v-tablet", "unionid": f"u-visitor{n}", "day": n} for n in range(5)
        },
        "a staff phone": {
            **{f"guest{n}-order": {"phone": STAFF_PHONE, "member_no": f"G{n}"} for n in range(30)},
            "nobody-till": {"phone": STAFF_PHONE},
        },
        "a recycled number": {
            "old-card": {"unionid": "u-old", "phone": "+8613822220001", "name": "赵一", "day": 0},
            "old-order": {"phone": "+8613822220001", "day": 20},
            "new-card": {"unionid": "u-new", "phone": "+8613822220001", "name": "钱二", "day": 500},
            "new-order": {"phone": "+8613822220001", "day": 520},
        },
        "an anonymous visitor becomes known": {
            "eve-before": {"visitor_id": "v-eve", "day": 0},
            "eve-signed-in": {"visitor_id": "v-eve", "unionid": "u-eve", "openid": "app:o-eve", "day": 21},
            "eve-order": {"unionid": "u-eve", "phone": "+8613833330001", "day": 21},
        },
        "one thousand times the number of examples": {
            f"typed{n}-card": {"member_no": f"T{n}", "phone": "+8613800138000"} for n in range(1000)
        },
        "two corps know one person": {
            "liu-here": {"unionid": "u-liu", "external_userid": "wm-liu-1"},
            "liu-there": {"unionid": "u-liu", "external_userid": "wm-liu-2"},
        },
        "two people on one member card": {
            "card1-order": {"member_no": "M-both", "unionid": "u-card1"},
            "card2-order": {"member_no": "M-both", "unionid": "u-card2"},
        },
        "a contact is known by name only through the card": {
            "mia-contact": {"unionid": "u-mia", "external_userid": "wm-mia"},
            "mia-follow": {"external_userid": "wm-mia", "phone": "+8613844440001"},
            "mia-card": {"unionid": "u-mia", "member_no": "M-mia", "name": "孙美娜"},
            "mother-card": {"member_no": "M-mother", "phone": "+8613844440001", "name": "周桂芳"},
        },
    }


def test_records_that_say_no_time_are_linked_all_the_same(linker: Linker) -> None:
    undated: dict[str, Record] = {"one": {"unionid": "u"}, "two": {"unionid": "u", "phone": "+8613912345678"}}
    told = observe(personas(undated), pl.Series([], dtype=pl.String), REGISTRY)
    told = told.with_columns(pl.lit(None, pl.Datetime("us")).alias(name) for name in ("first_seen_at", "last_seen_at"))
    links = linker.link(told, REGISTRY)
    assert links.edges.select("left_persona", "right_persona", "refusal").rows() == [
        (*sorted((persona("one"), persona("two"))), None)
    ]


@pytest.fixture(scope="module")
def linker(tmp_path_factory: pytest.TempPathFactory) -> Linker:
    return Linker(tmp_path_factory.mktemp("linker"))


@pytest.fixture(scope="module")
def told() -> pl.DataFrame:
    """All stories' observations in one company."""
    everything = {name: record for story in stories().values() for name, record in story.items()}
    return observe(personas(everything), pl.Series([STAFF_PHONE]), REGISTRY)


@pytest.fixture(scope="module")
def links(linker: Linker, told: pl.DataFrame) -> Links:
    return linker.link(told, REGISTRY)


@pytest.fixture(scope="module")
def resolved(told: pl.DataFrame, links: Links) -> Resolution:
    return resolve(told, links.refused, links.edges, links.contested, NOBODY, REGISTRY, "key")


def customers(found: Resolution) -> dict[str, str]:
    return {_NAMES[number]: customer for number, customer in found.customers.iter_rows()}


@pytest.mark.parametrize("story", stories())
def test_everybody_is_one_customer_and_no_two_are_the_same(resolved: Resolution, story: str) -> None:
    of = customers(resolved)
    people: dict[str, set[str]] = {}
    for record in stories()[story]:
        person = record.split("-", maxsplit=1)[0]
        if person == "nobody":
            assert record not in of, f"{record} could be anybody, and was given to a customer"
        else:
            people.setdefault(person, set()).add(of[record])
    assert all(len(ids) == 1 for ids in people.values()), f"somebody fell apart: {people}"
    assert len({of_one for ids in people.values() for of_one in ids}) == len(people), f"people were mixed: {people}"


def test_a_refused_link_says_why(links: Links, told: pl.DataFrame) -> None:
    refused = links.edges.filter(pl.col("refusal").is_not_null())
    of_card = refused.filter(pl.col("link_key") == number_of(told, "M-both"))
    assert of_card.select("rule", "refusal").rows() == [("same_member", "guard:unionid")]
    couple = refused.filter(pl.col("link_key") == number_of(told, "+8613911112222"))
    assert set(couple["refusal"]) == {"guard:member_no", "torn"}
    assert ("phone", "+8613911110000") in links.refused.select(IDENTIFIER).rows(), (
        "a family's phone meets too many member numbers"
    )


def test_the_order_of_rows_changes_nothing(linker: Linker, told: pl.DataFrame, resolved: Resolution) -> None:
    turned = told.sample(fraction=1, shuffle=True, seed=7)
    links = linker.link(turned, REGISTRY)
    again = resolve(turned, links.refused, links.edges.reverse(), links.contested.reverse(), NOBODY, REGISTRY, "key")
    assert again.customers.equals(resolved.customers)
    assert again.identifiers.equals(resolved.identifiers)


def test_a_limit_with_a_window_counts_who_was_there_together(linker: Linker) -> None:
    registry = IdentityRegistry.parse(
        "identifiers: [{name: member_no}, {name: phone, limits: [{of: member_no, most: 2, within_days: 30}]}]\n"
        "rules: [{name: same_phone, same: [phone]}]",
        name="identity.yaml",
    )
    crowd: dict[str, Record] = {f"now{n}": {"phone": "+861", "member_no": f"a{n}", "day": n} for n in range(3)}
    queue: dict[str, Record] = {f"turn{n}": {"phone": "+862", "member_no": f"b{n}", "day": 60 * n} for n in range(3)}
    told = observe(personas(crowd | queue), pl.Series([], dtype=pl.String), registry)
    links = linker.link(told, registry)
    assert set(links.edges["link_key"]) == {number_of(told, "+862")}


def test_values_that_differ_little_contradict_only_beyond_the_tolerance(linker: Linker) -> None:
    registry = IdentityRegistry.parse(
        "identifiers: [{name: email}]\nattributes: [first_name, birth_date, age]\n"
        "rules: [{name: same_email, same: [email], guards: [{type: first_name, kind: unlike, tolerance: 1},"
        " {type: birth_date, kind: date, tolerance: 1}, {type: age, kind: far, tolerance: 2},"
        " {kind: apart, tolerance: 400}]}]",
        name="identity.yaml",
    )
    pairs: dict[str, tuple[Record, Record, str | None]] = {
        "typo": ({"first_name": "jonathan"}, {"first_name": "jonatan"}, None),
        "initial": ({"first_name": "j"}, {"first_name": "jonathan"}, None),
        "other": ({"first_name": "mary"}, {"first_name": "jonathan"}, "guard:first_name"),
        "one part": ({"birth_date": "1990-02-03"}, {"birth_date": "1990-02-13"}, None),
        "two parts": ({"birth_date": "1990-02-03"}, {"birth_date": "1990-03-13"}, "guard:birth_date"),
        "near": ({"age": "40"}, {"age": "42"}, None),
        "far": ({"age": "40"}, {"age": "43"}, "guard:age"),
        "long ago": ({"day": 0}, {"day": 401}, "guard:apart"),
        "long ago, same name": ({"day": 0, "first_name": "mary"}, {"day": 401, "first_name": "mary"}, None),
    }
    records: dict[str, Record] = {}
    for case, (one, other, _) in pairs.items():
        records |= {f"{case}/1": {"email": case, **one}, f"{case}/2": {"email": case, **other}}
    told = observe(personas(records), pl.Series([], dtype=pl.String), registry)
    found = linker.link(told, registry)
    assert dict(found.edges.select("link_key", "refusal").iter_rows()) == {
        number_of(told, case): refusal for case, (_, _, refusal) in pairs.items()
    }


# ------------------------------------------------------------------ components, repair and ids


def by_hand(
    records: Mapping[str, Record], edges: list[tuple[str, str, int]], decided: pl.DataFrame = NOBODY, key: str = "key"
) -> Resolution:
    """Records with the links between them: (one, other, place of the rule)."""
    frame = pl.DataFrame(
        [
            (*sorted((persona(one), persona(other))), f"rule{seq}", persona(f"{one}+{other}"), seq, None)
            for one, other, seq in edges
        ],
        schema={
            **dict.fromkeys(("left_persona", "right_persona"), pl.Int64),
            "rule": pl.String,
            "link_key": pl.Int64,
            "rule_seq": pl.Int32,
            "refusal": pl.String,
        },
        orient="row",
    )
    told = observe(personas(records), pl.Series([], dtype=pl.String), REGISTRY)
    nothing = told.head(0).select("value_id")
    return resolve(told, nothing, frame, pl.Series([], dtype=pl.Int64), decided, REGISTRY, key)


def decided_by(found: Resolution, seq: int = 1) -> pl.DataFrame:
    return found.identifiers.select(*IDENTIFIER, "customer_id", seq=pl.lit(seq, dtype=pl.Int64))


def test_where_two_values_of_a_unique_identifier_meet_the_weakest_link_is_cut() -> None:
    records: dict[str, Record] = {
        "a1": {"unionid": "u-a"},
        "a2": {"member_no": "m-a"},
        "x": {"phone": "+8613911112222"},
        "b": {"unionid": "u-b"},
    }
    found = by_hand(records, [("a1", "a2", 1), ("a2", "x", 5), ("x", "b", 8)])
    of = customers(found)
    assert of["a1"] == of["a2"] == of["x"] != of["b"]
    assert found.cuts.select("rule", "refusal").rows() == [("rule8", "unique:unionid")]


def test_the_older_id_survives_a_merge() -> None:
    records: dict[str, Record] = {"one": {"member_no": "m1"}, "two": {"unionid": "u2"}}
    first = by_hand({"one": records["one"]}, [])
    second = by_hand(records, [], decided_by(first))
    decided = pl.concat([decided_by(first), decided_by(second, 2)])
    merged = by_hand(records, [("one", "two", 1)], decided)
    assert set(customers(merged).values()) == {customers(first)["one"]}


def test_a_customer_that_falls_apart_keeps_its_id_on_the_larger_part_and_the_other_gets_a_new_one() -> None:
    records: dict[str, Record] = {
        "r1": {"member_no": "m1", "phone": "+8613912345678"},
        "r2": {"external_userid": "e1"},
        "r3": {"unionid": "u1"},
    }
    together = by_hand(records, [("r1", "r2", 1), ("r2", "r3", 1)])
    apart = customers(by_hand(records, [], decided_by(together)))
    assert apart["r1"] == customers(together)["r1"]
    assert len(set(apart.values())) == 3


def test_a_shared_identifier_belongs_to_the_customer_that_states_it_most() -> None:
    phone = "+8613912345678"
    records: dict[str, Record] = {
        "a1": {"unionid": "u-a", "phone": phone},
        "b1": {"unionid": "u-b", "phone": phone},
        "b2": {"unionid": "u-b", "phone": phone, "member_no": "m-b"},
    }
    found = by_hand(records, [("b1", "b2", 1)])
    owner = found.identifiers.filter(pl.col("identifier") == phone)["customer_id"].to_list()
    assert owner == [customers(found)["b1"]]


def test_ids_do_not_give_away_the_identifier() -> None:
    one = by_hand({"r": {"phone": "+8613912345678"}}, [])
    other = by_hand({"r": {"phone": "+8613912345678"}}, [], key="another key")
    assert customers(one) != customers(other)


people = st.lists(
    st.dictionaries(
        st.sampled_from(["unionid", "external_userid", "member_no", "phone"]),
        st.integers(0, 12).map(lambda n: f"+86139123456{n:02d}"),
        min_size=1,
    ),
    min_size=1,
    max_size=30,
)


def linked_by_value(records: list[dict[str, str]]) -> tuple[dict[str, Record], list[tuple[str, str, int]]]:
    """Records that share a value are linked, by the place of its type."""
    named: dict[str, Record] = {f"r{n:02d}": record for n, record in enumerate(records)}
    kinds = [kind.name for kind in REGISTRY.identifiers]
    edges = [
        (one, other, kinds.index(kind) + 1)
        for one in named
        for other in named
        for kind, value in named[one].items()
        if one < other and named[other].get(kind) == value
    ]
    return named, edges


@settings(max_examples=20, deadline=None)
@given(records=people, turn=st.randoms(use_true_random=False))
def test_order_of_links_never_matters_and_no_customer_breaks_a_constraint(
    records: list[dict[str, str]], turn: "Callable[[], object]"
) -> None:
    named, edges = linked_by_value(records)
    expected = by_hand(named, edges)
    mixed = list(edges)
    turn.shuffle(mixed)  # type: ignore[attr-defined]
    assert by_hand(named, mixed).customers.equals(expected.customers)
    of = customers(expected)
    for kind in (kind.name for kind in REGISTRY.identifiers if kind.unique):
        held: dict[str, set[object]] = {}
        for name, record in named.items():
            if name in of and kind in record:
                held.setdefault(of[name], set()).add(record[kind])
        assert all(len(values) == 1 for values in held.values())


@settings(max_examples=20, deadline=None)
@given(records=people, split_at=st.integers(1, 30))
def test_what_is_decided_does_not_change_by_asking_again(records: list[dict[str, str]], split_at: int) -> None:
    named, edges = linked_by_value(records)
    part = {name: named[name] for name in list(named)[:split_at]}
    links = [edge for edge in edges if edge[0] in part and edge[1] in part]
    first = by_hand(part, links)
    decided = decided_by(first)
    assert not by_hand(part, links, decided).identifiers["is_new"].any()
    grown = by_hand(named, edges, decided)
    if first.customers.height:
        assert set(grown.customers["customer_id"]) & set(first.customers["customer_id"]), "ids of the first run live on"
    everything = pl.concat(
        [decided, decided_by(grown, 2).join(decided.drop("seq"), on=[*IDENTIFIER, "customer_id"], how="anti")]
    )
    assert not by_hand(named, edges, everything).identifiers["is_new"].any()


def test_decided_frames_carry_what_the_contract_asks() -> None:
    from datetime import date

    from models.contracts import contract

    frame = by_hand({"r": {"member_no": "m1"}}, []).identifiers.with_columns(decided_on=pl.lit(date(2026, 1, 2)))
    conformed = contract("customer_ids").conform(frame.with_columns(_row=None, _raw=None))
    assert contract("customer_ids").schema.validate(conformed).height == 2, "the identifier, and the persona"


def test_the_shipped_registry_is_the_one_that_is_tested() -> None:
    assert Path(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml").exists()
    assert {"unionid", "phone", "member_no"} <= {kind.name for kind in REGISTRY.identifiers}
