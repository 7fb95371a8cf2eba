"""The probabilistic pass of a run: masked orders find their customer, gifts and ties do not."""

import json
from datetime import date
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl
import pytest

from models.documents.identity import IdentityRegistry
from models.identity.likely import Likely, likely_links
from models.identity.likely_profiles import of_groups, read_personas
from models.identity.observing import observe
from models.identity.resolving import as_edges
from models.identity.scoring import MatchModel
from models.settings import PROJECT_ROOT
from pipelines.defs.identity.likely import due

_SHIPPED = IdentityRegistry.load(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml")
assert _SHIPPED.matching is not None
MATCHING = _SHIPPED.matching.model_copy(update={"sample_pairs": 50_000})
REGISTRY = _SHIPPED.model_copy(update={"matching": MATCHING})

_PERSONA: dict[str, pl.DataType] = {
    "persona_id": pl.Int64(),
    **dict.fromkeys(("unionid", "member_no", "phone", "record"), pl.String()),
    **dict.fromkeys(("buyer_platform", "buyer_platform_id", "name", "gender", "city"), pl.String()),
    **dict.fromkeys(("receiver_name", "receiver_phone"), pl.String()),
    **dict.fromkeys(("receiver_province", "receiver_city", "receiver_district"), pl.String()),
    "birth_date": pl.Date(),
    "records_count": pl.Int64(),
}
_PLACES = [
    ("浙江省", "杭州", "西湖区"),
    ("广东省", "深圳", "南山区"),
    ("上海市", "上海", "静安区"),
    ("四川省", "成都", "锦江区"),
]
_SURNAMES = list("赵钱孙李周吴郑冯陈褚卫蒋沈韩杨朱秦尤许何")
_GIVEN = list("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华")
Row = dict[str, Any]


class Company:
    """Personas with the group that rules made of them (its key), and whose they are."""

    def __init__(self, rows: list[tuple[str, Row]]) -> None:
        self.rows = rows

    def having(self, *more: tuple[str, Row]) -> "Company":
        return Company([*self.rows, *more])

    @property
    def personas(self) -> pl.DataFrame:
        rows = [{"persona_id": number, "records_count": 1, **row} for number, (_, row) in enumerate(self.rows)]
        return pl.DataFrame(rows, schema=_PERSONA)

    @property
    def groups(self) -> pl.DataFrame:
        keys = pl.Series("group", [key for key, _ in self.rows])
        return self.personas.select("persona_id", keys)

    @property
    def usable(self) -> pl.DataFrame:
        seen = self.personas.with_columns(first_seen_at=None, last_seen_at=None)
        found = observe(seen, pl.Series([], dtype=pl.String), REGISTRY)
        return found.filter("is_identifier", pl.col("refusal").is_null()).select(
            "persona_id", "identifier_type", "identifier"
        )

    def compared(self, model: MatchModel | None, **more: Any) -> Likely:
        return likely_links(self.personas, self.usable, self.groups, REGISTRY, model, **more)

    def said(self, found: Likely) -> set[tuple[str, str, str]]:
        """Keys of both groups and the decision."""
        keys = dict(self.groups.iter_rows())
        rows = found.links.select("left_persona", "right_persona", "decision").iter_rows()
        return {(*sorted((keys[left], keys[right])), decision) for left, right, decision in rows}


def customer(phone: str, name: str, **more: Any) -> Row:
    return {"phone": phone, "name": name, "record": f"customers:{phone}:{name}", **more}


def sent(name: str, phone: str, place: tuple[str, str, str] = _PLACES[0], **more: Any) -> Row:
    """An order as a platform shows it."""
    province, city, district = place
    where = {"receiver_province": province, "receiver_city": city, "receiver_district": district}
    return {"receiver_name": name, "receiver_phone": phone, **where, **more}


def taobao(uid: str, app: str = "app1") -> Row:
    return {"buyer_platform": "taobao_open_uid", "buyer_platform_id": f"{app}:{uid}"}


def _hidden(text: str) -> str:
    return text[0] + "*" * (len(text) - 1)


@pytest.fixture(scope="module")
def company() -> Company:
    """1,200 customers; every fourth buys on Taobao, twice, under a masked phone."""
    chance = np.random.default_rng(20_260_630)
    rows: list[tuple[str, Row]] = []
    for number in range(1200):
        name = _SURNAMES[chance.integers(20)] + "".join(_GIVEN[chance.integers(24)] for _ in range(2))
        tail = f"{chance.integers(10**8):08d}"
        phone, place = f"+861{3 + number % 7}{number % 10}{tail}", _PLACES[number % 4]
        born = date(1960 + int(chance.integers(45)), 1 + int(chance.integers(12)), 1 + int(chance.integers(28)))
        key = f"c{number}"
        rows.append((key, customer(phone, name, gender=("female", "male")[number % 2], birth_date=born, city=place[1])))
        rows.append((key, {"phone": phone, "name": name, "birth_date": born, "member_no": f"m{number}"}))
        rows.append((key, {"phone": phone}))
        if number % 4 == 0:
            local = phone.removeprefix("+86")
            order = sent(_hidden(name), f"{local[:3]}****{local[-4:]}", place, records_count=2)
            rows.append((f"t{number}", order | taobao(f"u{number}")))
    return Company(rows)


@pytest.fixture(scope="module")
def found(company: Company) -> Likely:
    return company.compared(None)


def test_masked_buyers_find_their_customers(company: Company, found: Likely) -> None:
    linked = {pair[:2] for pair in company.said(found) if pair[2] == "linked"}
    true = {(f"c{number}", f"t{number}") for number in range(0, 1200, 4)}
    assert len(linked & true) / len(true) > 0.95
    assert len(linked & true) / len(linked) > 0.99


def test_an_order_after_an_enquiry_finds_the_one_customer_who_fits(company: Company, found: Likely) -> None:
    asked = ("lead", {"phone": "+8613877771234", "name": "王小明", "city": "杭州"})
    order = ("order", sent("王**", "138****1234"))
    shop = company.having(asked, order)
    assert ("lead", "order", "linked") in shop.said(shop.compared(found.model))


def test_where_two_customers_fit_people_decide(company: Company, found: Likely) -> None:
    asked = ("lead", {"phone": "+8613877771234", "name": "王小明", "city": "杭州"})
    other = ("other", customer("+8613866661234", "王芳", city="杭州"))
    order = ("order", sent("王**", "138****1234"))
    said = company.having(asked, other, order)
    pairs = {pair for pair in said.said(said.compared(found.model)) if "order" in pair[:2]}
    assert pairs == {("lead", "order", "review"), ("order", "other", "review")}


def test_a_masked_phone_alone_never_links(company: Company, found: Likely) -> None:
    shop = company.having(
        ("known", {"phone": "+8613877771234"}), ("order", sent("小可爱", "138****1234", records_count=9))
    )
    assert not {pair for pair in shop.said(shop.compared(found.model)) if pair[2] == "linked" and "order" in pair}


def test_a_gift_merges_nobody(company: Company, found: Likely) -> None:
    giver = customer("+8613811112222", "李明华", city="深圳")
    friend = customer("+8613877771234", "王小明", city="杭州")
    own = sent("李**", "138****2222", _PLACES[1], records_count=3) | taobao("giver")
    gift = sent("王小明", "13877771234", records_count=1) | taobao("giver")  # the whole phone of the friend
    shop = company.having(("giver", giver), ("friend", friend), ("buyer", own), ("buyer", gift))
    said = shop.said(shop.compared(found.model))
    assert ("buyer", "giver", "linked") in said
    assert not [pair for pair in said if "friend" in pair]
    phones = shop.usable.filter(pl.col("identifier_type") == "phone")["identifier"]
    assert phones.to_list().count("+8613877771234") == 1, "a receiver's phone is nobody's identifier"


def test_a_first_order_waits_for_the_next(company: Company, found: Likely) -> None:
    friend = ("friend", customer("+8613877771234", "王小明", city="杭州"))
    shop = company.having(friend, ("buyer", sent("王**", "138****1234", records_count=1) | taobao("new")))
    assert not [pair for pair in shop.said(shop.compared(found.model)) if "buyer" in pair]
    again = company.having(friend, ("buyer", sent("王**", "138****1234", records_count=2) | taobao("new")))
    assert ("buyer", "friend", "linked") in again.said(again.compared(found.model))


def test_of_two_buyers_of_one_application_the_one_with_more_orders_is_the_customer(
    company: Company, found: Likely
) -> None:
    owner = ("owner", customer("+8613877771234", "王小明", city="杭州"))
    often = sent("王**", "138****1234", records_count=5)
    twice = sent("王**", "138****1234", records_count=2)
    shop = company.having(owner, ("often", often | taobao("a")), ("gifts", twice | taobao("b")))
    said = shop.said(shop.compared(found.model))
    assert ("often", "owner", "linked") in said
    assert ("gifts", "owner", "review") in said
    other = company.having(owner, ("often", often | taobao("a")), ("gifts", twice | taobao("b", "app2")))
    assert {("often", "owner", "linked"), ("gifts", "owner", "linked")} <= other.said(other.compared(found.model))


def test_a_person_twice_among_the_customers(company: Company, found: Likely) -> None:
    born = {"birth_date": date(1988, 8, 9), "gender": "female"}
    one, other = customer("+8613811110001", "欧阳娜娜", **born), {"unionid": "u-na", "name": "欧阳娜娜", **born}
    shop = company.having(("one", one), ("other", other))
    assert ("one", "other", "linked") in shop.said(shop.compared(found.model))
    members = company.having(("one", one | {"member_no": "1"}), ("other", other | {"member_no": "2"}))
    assert ("one", "other", "apart") in members.said(members.compared(found.model))


def test_what_people_keep_apart_stays_apart(company: Company, found: Likely) -> None:
    shop = company.having(
        ("owner", customer("+8613877771234", "王小明", city="杭州")),
        ("buyer", sent("王**", "138****1234", records_count=4) | taobao("a")),
    )
    size = len(shop.rows)
    apart = pl.DataFrame(
        {
            "persona_id": [size - 2, size - 1],
            "decision_id": ["7", "7"],
            "side": ["left", "right"],
        }
    )
    assert ("buyer", "owner", "linked") in shop.said(shop.compared(found.model))
    assert ("buyer", "owner", "apart") in shop.said(shop.compared(found.model, apart=apart))


def test_neither_order_nor_names_of_groups_matter(company: Company, found: Likely) -> None:
    groups = company.groups.select("persona_id", group=pl.lit("x") + pl.col("group").str.reverse())
    again = likely_links(
        company.personas.sample(fraction=1, shuffle=True, seed=1), company.usable.reverse(), groups.reverse(), REGISTRY
    )
    assert again.links.equals(found.links)
    assert again.model is not None and found.model is not None
    assert again.model.to_json() == found.model.to_json()


def test_what_people_said_refines_the_model(company: Company, found: Likely) -> None:
    keys = company.groups.filter(pl.col("group").is_in(["c0", "t0"]))["persona_id"].cast(pl.String)
    labels = pl.DataFrame({"left": [keys[0], "-1"], "right": [keys[-1], keys[0]], "is_match": [True, True]})
    refined = company.compared(None, labels=labels).model
    assert refined is not None and found.model is not None
    assert refined.labelled_pairs == 1, "a persona that nobody knows any more says nothing"
    assert refined.to_json() != found.model.to_json()


def test_evidence_adds_up(found: Likely) -> None:
    for weight, evidence in found.links.select("weight", "evidence").iter_rows():
        parts = json.loads(evidence)
        assert [part["attribute"] for part in parts][:3] == ["base_rate", "name", "phone_mask"]
        assert sum(part["weight"] for part in parts) == pytest.approx(weight, abs=0.01)


def test_too_little_to_learn_from_is_no_error() -> None:
    few = Company([("a", {"phone": "+8613877771234"}), ("b", sent("王**", "138****1234"))])
    found = few.compared(None)
    assert found.links.is_empty() and found.model is None
    assert found.why is not None and "certain rule" in found.why
    nobody = Company([("a", {"phone": "+8613877771234"}), ("b", {"phone": "+8613877771235"})]).compared(None)
    assert nobody.why == "nothing to compare"


def test_a_group_is_where_most_of_its_orders_go() -> None:
    shop = Company(
        [
            ("buyer", sent("王**", "138****1234", _PLACES[0], records_count=2)),
            ("buyer", sent("小可爱", "138****1234", _PLACES[0], records_count=3)),
            ("buyer", sent("李**", "139****9999", _PLACES[1], records_count=4)),
            ("torn", sent("王**", "138****1234", records_count=1)),
            ("torn", sent("李**", "139****9999", records_count=1)),
            ("lent", sent("王**", "17012345678-1234")),
            ("two phones", {"phone": "+8613811112222", "name": "王小明"}),
            ("two phones", {"phone": "+8613933334444", "name": "小王"}),
        ]
    )
    phones = shop.usable.select("persona_id", phone="identifier")
    profiles = of_groups(read_personas(shop.personas, phones), shop.groups)
    kept = profiles.select("group", "phone_mask", "name", "district", "orders").rows()
    assert kept == [
        ("buyer", "+86138****1234", "王*", "西湖区", 5),
        ("two phones", "+86138****2222", "王小明", None, None),
        ("two phones", "+86139****4444", "王小明", None, None),
    ]


def test_a_model_is_used_until_it_is_due() -> None:
    today = date(2026, 6, 30)
    details = {"trained_on": "2026-06-01", "document_version": MATCHING.version, "splink": version("splink")}
    assert due(details, today, MATCHING, retrain=False) is None
    assert due(details, today, MATCHING, retrain=True) == "retraining was asked for"
    assert "30 days" in str(due(details, date(2026, 7, 1), MATCHING, retrain=False))
    assert "changed" in str(due(details, today, MATCHING.model_copy(update={"margin": 4.0}), retrain=False))
    assert "Splink" in str(due(details | {"splink": "0"}, today, MATCHING, retrain=False))


def test_likely_links_are_edges_of_the_weakest_rule(found: Likely) -> None:
    edges = pl.DataFrame(
        schema={
            **dict.fromkeys(("left_persona", "right_persona", "link_key"), pl.Int64()),
            **dict.fromkeys(("rule", "refusal"), pl.String()),
            "rule_seq": pl.Int32(),
        }
    )
    made = as_edges(found, edges.schema, REGISTRY)
    assert made.schema == edges.schema
    assert made.height == found.links.filter(pl.col("decision") == "linked").height > 0
    assert made["rule_seq"].unique().to_list() == [len(REGISTRY.rules) + 1]
    assert made["refusal"].null_count() == made.height
