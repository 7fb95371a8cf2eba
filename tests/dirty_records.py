# ruff: noqa: E501 - one case a line or two; Chinese characters count double
"""One file for each of the datasets besides orders and refunds: clean rows, and one for every rule that a row can break."""

from tests.dirty_corpus import Case


def _mapped(dataset: str, columns: str, constants: str = "") -> str:
    return f"dataset: {dataset}\nconstants: {{timezone: Asia/Shanghai{constants}}}\ncolumns: {{{columns}}}\n"


def _file(header: str, *rows: str) -> bytes:
    return "\n".join([header, *rows]).encode()


_CNY = ", currency: CNY"

RECORDS: dict[str, Case] = {
    "members.csv": Case(
        _file("卡号,手机,姓名,日期,积分", "00017,13800001111,张三\u202e,2025-01-02,12", "1.2E+11,,李四😀,2025-01-02,1", ",,王五,2025-01-02,x"),
        1, 2, 0,
        [(2, "member_no", "scientific notation"), (3, "member_no", "is required"), (3, "points_balance", "is not a number")],
        _mapped("members", "member_no: 卡号, phone: 手机, name: 姓名, joined_at: 日期, points_balance: 积分"),
    ),
    "staff.csv": Case(
        _file("工号,姓名,入职,离职", "E01,小王,2025-01-01,", "E02,小李,2025-02-01,2025-01-01", "E03,,2025-01-01,"), 1, 2, 0,
        [(2, "left_on", "must not lie before"), (3, "name", "is required")],
        _mapped("staff", "staff_id: 工号, name: 姓名, hired_on: 入职, left_on: 离职"),
    ),
    "products.csv": Case(
        _file("货号,品名,标价,周期", "A,茶,12.50,30", "B,壶,-1,30", "C,杯,1,0", "C,杯,2,30"), 2, 2, 0,
        [(2, "list_price", "must not be negative"), (3, "cycle_days", "above zero")],
        _mapped("products", "product_id: 货号, name: 品名, list_price: 标价, cycle_days: 周期", _CNY),
    ),
    "products_that_contradict.csv": Case(
        _file("货号,品名", "A,茶", "A,壶", "B,杯", "B,杯"), 1, 2, 1,
        [(1, "product_id", "several rows"), (2, "product_id", "several rows")],
        _mapped("products", "product_id: 货号, name: 品名", _CNY),
    ),
    "leads.csv": Case(
        _file("编号,手机,时间,结束,金额", "L1,13800001111,2025-01-02,,100", "L2,,2025-01-02,2025-01-01,", "L3,,2025-01-02,,-5"), 1, 2, 0,
        [(2, "closed_at", "must not lie before"), (3, "amount", "must not be negative")],
        _mapped("leads", "lead_id: 编号, phone: 手机, created_at: 时间, closed_at: 结束, amount: 金额", _CNY),
    ),
    "follow_ups.csv": Case(
        _file("编号,线索,手机,跟进人,时间", "F1,L1,,E01,2025-01-02", "F2,,13800001111,E01,2025-01-02", "F3,,138****1111,E01,2025-01-02"),
        2, 1, 0, [(3, "member_no", "needs one of")],
        _mapped("follow_ups", "follow_up_id: 编号, lead_id: 线索, phone: 手机, staff_id: 跟进人, followed_at: 时间"),
    ),
    "tickets.csv": Case(
        _file("编号,开,关,分", "T1,2025-01-02,2025-01-03,5", "T2,2025-01-02,2025-01-01,5", "T3,2025-01-02,,11"), 1, 2, 0,
        [(2, "closed_at", "must not lie before"), (3, "satisfaction", "from 1 to 10")],
        _mapped("tickets", "ticket_id: 编号, opened_at: 开, closed_at: 关, satisfaction: 分"),
    ),
    "visits.csv": Case(
        _file("单号,店,项目,金额,时间", "V1,S1,剪发,38.00,2025-01-02", "V1,S1,染发,199,2025-01-02", "V2,,剪发,38,2025-01-02", "V3,S1,剪发,-1,2025-01-02"),
        2, 2, 0, [(3, "store_id", "is required"), (4, "paid_amount", "must not be negative")],
        _mapped("visits", "visit_id: 单号, store_id: 店, service_item: 项目, paid_amount: 金额, visited_at: 时间", _CNY),
    ),
    "enrolments.csv": Case(
        _file("编号,手机,课程,课时,已消,时间", "C1,13800001111,钢琴,48,12.5,2025-01-02", "C2,13800001111,钢琴,10,11,2025-01-02", "C3,,钢琴,10,,2025-01-02"),
        1, 2, 0, [(2, "hours_used", "must not be more than"), (3, "member_no", "needs one of")],
        _mapped("enrolments", "enrolment_id: 编号, phone: 手机, course_id: 课程, hours_bought: 课时, hours_used: 已消, enrolled_at: 时间", _CNY),
    ),
    "points.csv": Case(
        _file("流水,卡号,类型,积分,时间", "1,M1,earned,10,2025-01-02", "2,M1,spent,-10,2025-01-02", "3,M1,spent,0,2025-01-02", "4,无,earned,1,2025-01-02"),
        2, 2, 0, [(3, "points", "must not be zero"), (4, "member_no", "needs one of")],
        _mapped("points", "entry_id: 流水, member_no: 卡号, kind: 类型, points: 积分, occurred_at: 时间"),
    ),
    "cards.csv": Case(
        _file("流水,卡,种,类型,金额,次,时间", "1,K1,stored_value,topped_up,\"1,000\",,2025-01-02", "2,K2,count,used,,-1,2025-01-02",
              "3,K1,stored_value,used,,,2025-01-02", "4,K2,count,used,5,,2025-01-02", "5,K3,gift,used,5,,2025-01-02"),
        2, 3, 0, [(3, "amount", "needs amount"), (4, "times", "needs times"), (5, "card_type", "must be stored_value or count")],
        _mapped("cards", "entry_id: 流水, card_id: 卡, card_type: 种, kind: 类型, amount: 金额, times: 次, occurred_at: 时间", _CNY),
    ),
    "coupons.csv": Case(
        _file("券,面额,发,用", "A1,10,2025-01-02,", "A2,10,2025-01-02,2025-01-01", "A3,-1,2025-01-02,"), 1, 2, 0,
        [(2, "used_at", "must not lie before"), (3, "face_amount", "must not be negative")],
        _mapped("coupons", "coupon_code: 券, face_amount: 面额, issued_at: 发, used_at: 用", _CNY),
    ),
    "costs.csv": Case(
        _file("货号,订单,店,单价,金额,起", "A,,,1.234567,,2025-01-01", "A,,S1,1,,2025-01-01", ",77,,,8.00,2025-01-01", "A,77,,1,,2025-01-01",
              ",78,,1,,2025-01-01", "B,,,1,,2025-01-01", "B,,,2,,2025-01-01"), 3, 4, 0,
        [(4, "product_id", "one of the two"), (5, "unit_cost", "needs unit_cost"), (6, "valid_from", "several rows"),
         (7, "valid_from", "several rows")],
        _mapped("costs", "product_id: 货号, order_id: 订单, store_id: 店, unit_cost: 单价, amount: 金额, valid_from: 起", _CNY),
    ),
    "fx_rates.csv": Case(
        _file("日,外币,本币,汇率", "2025-01-02,USD,CNY,7.1879", "2025-01-02,jpy,人民币,0.0456782345", "2025-01-02,CNY,CNY,1", "2025-01-02,EUR,CNY,0",
              "2025-01-02,美刀,CNY,7"), 2, 3, 0,
        [(3, "quote_currency", "must differ"), (4, "rate", "above zero"), (5, "base_currency", "three capital letters")],
        _mapped("fx_rates", "rate_date: 日, base_currency: 外币, quote_currency: 本币, rate: 汇率"),
    ),
    "tax_rates.csv": Case(
        _file("地,类,税率,起", "CN,goods,13%,2019-04-01", "CN,services,0.06,2019-04-01", "HK,goods,0,2019-04-01", "CN,books,13,2019-04-01"), 3, 1, 0,
        [(4, "rate", "from 0 to 1")], _mapped("tax_rates", "jurisdiction: 地, category: 类, rate: 税率, valid_from: 起"),
    ),
}  # fmt: skip
