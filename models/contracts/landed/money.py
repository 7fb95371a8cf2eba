"""What money needs to know besides sales: products, their cost, exchange and tax rates, bills of platforms."""

import polars as pl

from models.contracts.contract import CellRule, Column, Contract, RowRule, not_blank, not_negative, positive
from models.contracts.landed.columns import (
    currency_column,
    happened,
    key_column,
    not_before,
    order_column,
    product_column,
    status_column,
    store_column,
    updated_column,
)

_FROM = Column(
    "valid_from",
    "date",
    "first day",
    "生效日期",
    required=True,
    synonyms=("from", "start date", "开始日期", "起始日期", "日期", "date"),
)
_UNTIL = Column(
    "valid_to", "date", "last day; empty: open", "失效日期", synonyms=("to", "end date", "结束日期", "截止日期")
)
_SOURCE = Column("source", "text", "who says so", "来源", synonyms=("依据", "bank", "数据来源", "provider"))

PRODUCTS = Contract(
    dataset="products",
    en="Products and service items",
    zh="商品与服务项目",
    grain="one row per product",
    key=("product_id",),
    replaced_by=("product_id",),
    columns=(
        key_column("product_id", "product number", "商品编号", *product_column().synonyms, "stockcode", "编号", "id"),
        Column(
            "name",
            "text",
            "name",
            "商品名称",
            required=True,
            synonyms=("product name", "title", "品名", "名称", "项目名称"),
        ),
        Column("barcode", "id", "bar code", "条码", synonyms=("ean", "upc", "条形码", "69码", "国际条码")),
        Column("category", "text", "category", "商品分类", synonyms=("分类", "类目", "品类", "商品类目")),
        Column("brand", "text", "brand", "品牌"),
        Column("specification", "text", "specification", "规格", synonyms=("spec", "规格型号", "型号", "商品规格")),
        Column("unit", "text", "unit", "单位", synonyms=("计量单位",)),
        Column("tax_category", "text", "category of the tax table", "税收分类", synonyms=("税收分类编码", "税目")),
        status_column("on_sale", "off_sale", zh="商品状态", synonyms=("状态", "上架状态")),
        currency_column(),
        Column(
            "list_price",
            "price",
            "price of one, major units",
            "标价",
            synonyms=("price", "售价", "零售价", "单价", "吊牌价"),
            checks=(not_negative("list_price"),),
        ),
        Column(
            "cycle_days", "integer", "days until it is bought again", "复购周期天数", checks=(positive("cycle_days"),)
        ),
        Column("warranty_days", "integer", "days of warranty", "质保天数", checks=(not_negative("warranty_days"),)),
        Column("listed_on", "date", "first day on sale", "上架日期", synonyms=("上市日期", "上架时间")),
        updated_column(),
    ),
)

COSTS = Contract(
    dataset="costs",
    en="Costs of products and orders by date",
    zh="成本",
    grain="one row per product or order, store, kind, currency and first day",
    key=("product_id", "order_id", "store_id", "kind", "currency", "valid_from"),
    replaced_by=("product_id", "order_id", "store_id", "kind", "currency", "valid_from"),
    blank_in_key=("product_id", "order_id", "store_id", "kind"),
    columns=(
        product_column(),
        order_column("order whose cost it is; empty: of the product"),
        store_column("store_id", "store; empty: everywhere"),
        Column(
            "kind",
            "text",
            "kind; empty: purchase",
            "成本类型",
            synonyms=("type", "类型", "费用类型"),
            known=("purchase", "shipping", "packaging", "labour", "other"),
        ),
        _SOURCE,
        currency_column(),
        Column(
            "unit_cost",
            "price",
            "cost of one, major units",
            "单位成本",
            synonyms=("cost", "成本", "成本价", "进价", "采购价"),
            checks=(not_negative("unit_cost"),),
        ),
        Column("amount", "amount", "cost of the order, minor units", "成本金额", synonyms=("费用", "金额", "总成本")),
        _FROM,
        _UNTIL,
    ),
    rules=(
        not_before("valid_to", "valid_from"),
        RowRule(
            "product_id",
            "a cost is of a product_id or of an order_id, one of the two",
            when=pl.lit(True),
            holds=pl.col("product_id").is_not_null() != pl.col("order_id").is_not_null(),
        ),
        RowRule(
            "unit_cost",
            "the cost of a product needs unit_cost, that of an order amount",
            when=pl.lit(True),
            holds=pl.when(pl.col("product_id").is_not_null())
            .then(pl.col("unit_cost").is_not_null())
            .otherwise(pl.col("amount").is_not_null()),
        ),
    ),
)

FX_RATES = Contract(
    dataset="fx_rates",
    en="Exchange rates",
    zh="汇率",
    grain="one row per day, pair of currencies and source",
    key=("rate_date", "base_currency", "quote_currency", "source"),
    replaced_by=("rate_date", "base_currency", "quote_currency", "source"),
    blank_in_key=("source",),
    columns=(
        Column(
            "rate_date",
            "date",
            "day of the rate",
            "汇率日期",
            required=True,
            synonyms=("date", "as_of", "日期", "公布日期"),
        ),
        currency_column(
            "base_currency", "currency of which one unit is priced", "基准币种", "base", "from", "外币", "币种"
        ),
        currency_column(
            "quote_currency", "currency in which it is priced", "标价币种", "quote", "to", "本币", "本位币"
        ),
        Column(
            "rate",
            "rate",
            "units of the quote currency for one of the base",
            "汇率",
            required=True,
            synonyms=("fx rate", "exchange rate", "中间价", "折算价"),
            checks=(positive("rate"),),
        ),
        _SOURCE,
    ),
    rules=(
        RowRule(
            "quote_currency",
            "base_currency and quote_currency must differ",
            when=pl.lit(True),
            holds=pl.col("base_currency") != pl.col("quote_currency"),
        ),
    ),
)

TAX_RATES = Contract(
    dataset="tax_rates",
    en="Tax rates",
    zh="税率",
    grain="one row per jurisdiction, category, tax and first day",
    key=("jurisdiction", "category", "tax", "valid_from"),
    replaced_by=("jurisdiction", "category", "tax", "valid_from"),
    blank_in_key=("tax",),
    columns=(
        Column(
            "jurisdiction",
            "text",
            "country or region, ISO 3166",
            "税务辖区",
            required=True,
            synonyms=("country", "region", "国家地区", "地区", "辖区"),
            checks=(not_blank("jurisdiction"),),
        ),
        Column(
            "category",
            "text",
            "category of goods or services",
            "类别",
            required=True,
            synonyms=("tax category", "税目", "税收分类", "商品类别"),
            checks=(not_blank("category"),),
        ),
        Column("tax", "text", "which tax; empty: value added", "税种", synonyms=("tax type",)),
        _SOURCE,
        Column(
            "rate",
            "rate",
            "share of the amount; 13% or 0.13",
            "税率",
            required=True,
            synonyms=("tax rate",),
            checks=(CellRule("in_range", {"min_value": 0, "max_value": 1}, "rate must be from 0 to 1 (13% or 0.13)"),),
        ),
        _FROM,
        _UNTIL,
    ),
    rules=(not_before("valid_to", "valid_from"),),
)

SHOP_STATEMENTS = Contract(
    dataset="shop_statements",
    en="Lines of the bills of platforms and payment channels",
    zh="平台与支付渠道账单明细",
    grain="one row per line of a bill",
    key=("platform", "account_id", "entry_id", "kind"),
    event_time="occurred_at",
    replaced_by=("platform", "account_id", "entry_id", "kind"),
    blank_in_key=("account_id",),
    columns=(
        Column(
            "platform",
            "text",
            "platform or payment channel",
            "平台",
            required=True,
            synonyms=("渠道", "支付渠道", "channel"),
            known=("wechat_pay", "alipay", "taobao", "jd", "pinduoduo", "douyin", "youzan", "meituan"),
            checks=(not_blank("platform"),),
        ),
        Column(
            "account_id", "id", "merchant number there", "商户号", synonyms=("mchid", "merchant", "账户", "商家账号")
        ),
        store_column("store_id", "store or shop", "店铺编号"),
        Column("bill_id", "id", "number of the bill", "账单编号", synonyms=("bill", "账单号", "结算单号", "批次号")),
        key_column(
            "entry_id",
            "number of the line there",
            "流水号",
            "动账流水号",
            "动帐流水号",
            "账务流水号",
            "资金流水单号",
            "id",
        ),
        Column(
            "kind",
            "text",
            "what the line is",
            "业务类型",
            required=True,
            synonyms=("type", "交易类型", "动账场景", "账务类型"),
            known=("payment", "refund", "fee", "commission", "split", "subsidy", "adjustment", "withdrawal"),
            checks=(not_blank("kind"),),
        ),
        order_column("the merchant's order", "商户订单号"),
        Column(
            "platform_order_id",
            "id",
            "the platform's order",
            "平台订单号",
            synonyms=("transaction_id", "支付宝交易号", "微信订单号", "平台单号"),
        ),
        Column("refund_id", "id", "the merchant's refund", "商户退款单号", synonyms=("out_refund_no", "退款单号")),
        status_column(zh="交易状态", synonyms=("状态", "state")),
        Column("note", "text", "note", "备注", synonyms=("说明", "摘要", "业务描述")),
        currency_column(),
        Column(
            "amount",
            "amount",
            "amount, minor units, positive when the company gets it",
            "金额",
            required=True,
            synonyms=("订单金额", "动账金额", "收支金额", "应结订单金额", "商家实收（元）", "发生金额"),
        ),
        Column(
            "fee_amount",
            "amount",
            "fee, minor units, negative when the company pays it",
            "手续费",
            synonyms=("fee", "服务费（元）", "平台服务费", "服务费"),
        ),
        Column(
            "net_amount",
            "amount",
            "amount and fee together, minor units",
            "结算金额",
            synonyms=("net", "实际到账", "净额"),
        ),
        Column(
            "balance_after",
            "amount",
            "balance after it, minor units",
            "账户余额",
            synonyms=("balance", "账户结余(元)", "余额"),
        ),
        happened(
            "occurred_at",
            "time of the line",
            "发生时间",
            "动账时间",
            "交易时间",
            "记账时间",
            "完成时间",
            "date",
            "日期",
        ),
        Column("settled_at", "timestamp", "time it was paid out", "结算时间", synonyms=("settled", "到账时间")),
    ),
)
