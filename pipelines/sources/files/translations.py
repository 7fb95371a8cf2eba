"""Usual cell values in other words, for proposals only: a person confirms them in the mapping's ``values``."""

_YES_NO = {"是": "granted", "同意": "granted", "已同意": "granted", "授权": "granted", "否": "withdrawn"}

#: Target column, or dataset.column → cell → known value.
VALUES: dict[str, dict[str, str]] = {
    "orders.status": {
        "待付款": "unpaid", "未付款": "unpaid", "等待买家付款": "unpaid",
        "已付款": "paid", "已支付": "paid", "待发货": "paid", "买家已付款": "paid", "买家已付款，等待卖家发货": "paid",
        "已发货": "shipped", "卖家已发货": "shipped", "卖家已发货，等待买家确认": "shipped", "待收货": "shipped",
        "已完成": "finished", "交易成功": "finished", "已签收": "finished", "完成": "finished",
        "已取消": "cancelled", "取消": "cancelled", "交易关闭": "closed", "已关闭": "closed",
    },
    "refunds.status": {
        "退款成功": "success", "已退款": "success", "成功": "success", "退款完成": "success",
        "退款中": "pending", "处理中": "pending", "待退款": "pending", "退款关闭": "closed", "已关闭": "closed",
    },
    "consents.state": {
        **_YES_NO, "不同意": "withdrawn", "拒绝": "withdrawn", "撤回": "withdrawn", "已撤回": "withdrawn",
        "退订": "withdrawn", "yes": "granted", "no": "withdrawn", "Y": "granted", "N": "withdrawn",
        "true": "granted", "false": "withdrawn", "1": "granted", "0": "withdrawn",
    },
    "identifier_type": {"手机号": "phone", "手机": "phone", "会员号": "member_no", "外部联系人": "external_userid"},
    "purpose": {"营销": "marketing", "推广": "marketing", "服务": "service", "画像": "profiling"},
    "channel": {"任意": "any", "全部": "any", "企业微信": "wecom", "企微": "wecom", "短信": "sms", "邮件": "email",
                "电话": "phone"},
    "gender": {"男": "male", "女": "female", "M": "male", "F": "female", "先生": "male", "女士": "female"},
    "store_type": {"直营": "direct", "直营店": "direct", "加盟": "franchise", "加盟店": "franchise", "代理": "agent",
                   "经销商": "agent", "线上": "online", "电商": "online", "网店": "online"},
}  # fmt: skip
