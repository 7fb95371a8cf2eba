"""What several datasets share: the identifiers by which a person is recognised, the names of a store's column."""

from models.contracts.contract import Column

EXACT_IDENTIFIERS = ("unionid", "external_userid", "phone", "member_no")
STORE_NAMES = (
    "店铺", "门店", "店铺ID", "门店ID", "门店编号", "店铺编号",
    "shop_id", "shop", "store", "store code", "shop name",
)  # fmt: skip


def state_from_column() -> Column:
    """From which day what a row says of a store or an employee holds; empty: it corrects the newest state."""
    return Column(
        "valid_from",
        "date",
        "first day on which the row holds; empty: it corrects the newest state",
        "生效日期",
        synonyms=("valid from", "effective date", "变更日期", "生效日", "调动日期"),
    )


def person_columns(prefix: str, en: str, zh: str) -> tuple[Column, ...]:
    """The four exact identifiers of a person, as columns ``<prefix>unionid`` and so on."""
    return (
        Column(
            f"{prefix}unionid",
            "id",
            f"{en} WeChat unionid",
            f"{zh}unionid",
            personal=True,
            synonyms=("unionid", "union_id"),
        ),
        Column(
            f"{prefix}external_userid",
            "id",
            f"{en} WeCom external contact id",
            f"{zh}外部联系人ID",
            personal=True,
            synonyms=("external_userid", "外部联系人", "企微客户ID"),
        ),
        Column(
            f"{prefix}phone",
            "phone",
            f"{en} phone, E.164",
            f"{zh}手机号",
            personal=True,
            synonyms=("phone", "mobile", "tel", "telephone", "手机", "电话", "联系电话", "手机号码", "buyer_mobile"),
        ),
        Column(
            f"{prefix}member_no",
            "id",
            f"{en} member or customer number",
            f"{zh}会员号",
            personal=True,
            synonyms=(
                "member_no",
                "member_id",
                "customer_id",
                "customerid",
                "会员卡号",
                "会员编号",
                "会员ID",
                "客户编号",
                "客户ID",
                "customer no",
            ),
        ),
    )
