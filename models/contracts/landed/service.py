"""Service as files hold it: tickets, visits to a store, and courses with their class-hours."""

import polars as pl

from models.contracts.contract import CellRule, Column, Contract, RowRule, not_negative, positive
from models.contracts.landed.columns import (
    PERSON,
    currency_column,
    happened,
    key_column,
    name_column,
    not_before,
    order_column,
    product_column,
    somebody,
    staff_column,
    status_column,
    store_column,
    updated_column,
)

TICKETS = Contract(
    dataset="tickets",
    en="Service tickets",
    zh="工单",
    grain="one row per ticket",
    key=("ticket_id",),
    event_time="opened_at",
    replaced_by=("ticket_id",),
    columns=(
        key_column(
            "ticket_id", "number of the ticket", "工单编号", "ticket", "ticket no", "工单号", "编号", "id", "单号"
        ),
        *PERSON,
        name_column(),
        Column("subject", "text", "subject", "标题", personal=True, synonyms=("title", "主题", "问题描述", "工单标题")),
        Column("category", "text", "category", "工单分类", synonyms=("type", "类型", "分类", "问题类型", "工单类型")),
        Column(
            "channel",
            "text",
            "channel",
            "渠道",
            synonyms=("source", "来源", "来源渠道", "受理渠道"),
            known=("wecom", "phone", "official_account", "shop", "store", "email"),
        ),
        Column("priority", "text", "priority", "优先级", known=("low", "normal", "high", "urgent")),
        status_column("open", "pending", "resolved", "closed", zh="工单状态", synonyms=("状态", "state")),
        store_column(),
        staff_column(
            "assignee_id", "employee who handles it", "处理人", "assignee", "受理人", "客服", "负责人", "处理人员"
        ),
        order_column("order it is about", "关联订单号"),
        product_column(),
        Column(
            "satisfaction",
            "integer",
            "score of the customer, 1 to 10",
            "满意度",
            synonyms=("csat", "rating", "评分", "满意度评分"),
            checks=(CellRule("in_range", {"min_value": 1, "max_value": 10}, "satisfaction must be from 1 to 10"),),
        ),
        Column(
            "reopened_count",
            "integer",
            "times it was opened again",
            "重开次数",
            checks=(not_negative("reopened_count"),),
        ),
        happened(
            "opened_at", "time it was opened", "创建时间", "opened", "created", "created_at", "提交时间", "受理时间"
        ),
        Column("first_answered_at", "timestamp", "first answer", "首次响应时间", synonyms=("answered_at", "响应时间")),
        Column(
            "resolved_at",
            "timestamp",
            "time it was solved",
            "解决时间",
            synonyms=("resolved", "完成时间", "处理完成时间"),
        ),
        Column("closed_at", "timestamp", "time it was closed", "关闭时间", synonyms=("closed", "结单时间", "办结时间")),
        updated_column(),
    ),
    rules=tuple(not_before(later, "opened_at") for later in ("first_answered_at", "resolved_at", "closed_at")),
)

VISITS = Contract(
    dataset="visits",
    en="Visits: service items done in a store",
    zh="到店服务",
    grain="one row per service item of a visit",
    key=("store_id", "visit_id", "line_no"),
    event_time="visited_at",
    replaced_by=("store_id", "visit_id"),
    columns=(
        key_column(
            "visit_id", "number of the visit", "服务单号", "visit", "到店单号", "预约单号", "单号", "小票号", "id"
        ),
        Column("line_no", "id", "line number within the visit", "行号", synonyms=("line", "序号", "项目序号")),
        store_column(required=True),
        *PERSON,
        name_column(),
        product_column("service_item_id", "service item", "项目编号"),
        Column(
            "service_item",
            "text",
            "service item's name",
            "服务项目",
            synonyms=("item name", "项目", "项目名称", "品名"),
        ),
        staff_column(
            "technician_id", "employee who did it", "技师", "technician", "技师工号", "美容师", "服务人员", "师傅"
        ),
        staff_column("salesperson_id", "employee who sold it", "销售", "salesperson", "导购", "顾问", "销售工号"),
        order_column("order or voucher it was bought with", "关联订单号"),
        Column(
            "coupon_code", "id", "voucher that was redeemed", "券码", synonyms=("voucher", "核销码", "团购券码", "券号")
        ),
        Column("card_id", "id", "card it was taken from", "卡号", synonyms=("card no", "次卡号", "会员卡")),
        Column("channel", "text", "where it was booked", "来源", synonyms=("渠道", "平台", "预约渠道", "source")),
        status_column(
            "booked", "done", "cancelled", "no_show", zh="到店状态", synonyms=("状态", "核销状态", "预约状态")
        ),
        currency_column(),
        Column(
            "quantity",
            "quantity",
            "quantity; empty: one",
            "数量",
            synonyms=("qty", "次数", "num"),
            checks=(positive("quantity"),),
        ),
        Column(
            "list_amount",
            "amount",
            "amount before discounts, minor units",
            "原价",
            synonyms=("list price", "门市价", "标价", "项目原价"),
            checks=(not_negative("list_amount"),),
        ),
        Column(
            "paid_amount",
            "amount",
            "amount paid for the item, minor units",
            "实付金额",
            synonyms=("amount", "paid", "实收", "实收金额", "消费金额", "售价", "金额"),
            checks=(not_negative("paid_amount"),),
        ),
        Column("booked_at", "timestamp", "time it was booked", "预约时间", synonyms=("booked", "下单时间")),
        happened(
            "visited_at",
            "time of the visit",
            "到店时间",
            "消费时间",
            "服务时间",
            "验券时间",
            "核销时间",
            "date",
            "日期",
        ),
        Column("ended_at", "timestamp", "end of the service", "结束时间", synonyms=("ended", "离店时间", "完成时间")),
    ),
    rules=(not_before("ended_at", "visited_at"),),
)

_HOURS_HELD = pl.col("hours_bought") + pl.col("hours_gifted").fill_null(0)
_HOURS_GONE = pl.col("hours_used").fill_null(0) + pl.col("hours_refunded").fill_null(0)

ENROLMENTS = Contract(
    dataset="enrolments",
    en="Enrolments with their class-hours",
    zh="课程报名与课时",
    grain="one row per enrolment",
    key=("enrolment_id",),
    event_time="enrolled_at",
    replaced_by=("enrolment_id",),
    columns=(
        key_column(
            "enrolment_id", "number of the enrolment", "报名编号", "enrolment", "enrollment", "合同编号", "单号", "id"
        ),
        *PERSON,
        name_column("the student's name", "学员姓名", "student", "学员", "学生姓名", "姓名"),
        key_column("course_id", "course", "课程编号", "course", "课程ID", "班级编号"),
        Column("course_name", "text", "course name", "课程名称", synonyms=("课程", "班级", "course title")),
        store_column("store_id", "campus", "校区"),
        staff_column("salesperson_id", "employee who sold it", "课程顾问", "salesperson", "顾问", "销售", "签约人"),
        staff_column("teacher_id", "teacher", "授课老师", "teacher", "老师", "教师"),
        order_column(),
        status_column(
            "active", "paused", "finished", "refunded", "expired", zh="报名状态", synonyms=("状态", "学员状态")
        ),
        currency_column(),
        Column(
            "hours_bought",
            "quantity",
            "class-hours bought",
            "购买课时",
            required=True,
            synonyms=("hours", "总课时", "课时", "课时数", "报名课时"),
            checks=(not_negative("hours_bought"),),
        ),
        Column(
            "hours_gifted",
            "quantity",
            "class-hours given",
            "赠送课时",
            synonyms=("gift hours", "赠课"),
            checks=(not_negative("hours_gifted"),),
        ),
        Column(
            "hours_used",
            "quantity",
            "class-hours used",
            "已消课时",
            synonyms=("used hours", "已用课时", "消课", "已上课时"),
            checks=(not_negative("hours_used"),),
        ),
        Column(
            "hours_refunded",
            "quantity",
            "class-hours given back",
            "退课时",
            synonyms=("refunded hours", "已退课时"),
            checks=(not_negative("hours_refunded"),),
        ),
        Column(
            "paid_amount",
            "amount",
            "amount paid, minor units",
            "实缴金额",
            synonyms=("amount", "price", "学费", "实付金额", "金额", "报名费", "合同金额"),
            checks=(not_negative("paid_amount"),),
        ),
        happened(
            "enrolled_at", "time of the enrolment", "报名时间", "报名日期", "签约日期", "date", "日期", "created_at"
        ),
        Column("starts_on", "date", "first day", "开课日期", synonyms=("start date", "开始日期")),
        Column("expires_on", "date", "last day", "到期日期", synonyms=("expires", "有效期至", "截止日期")),
        updated_column(),
    ),
    rules=(
        somebody("member_no", "an enrolment"),
        RowRule(
            "hours_used",
            "hours_used and hours_refunded together must not be more than hours_bought and hours_gifted",
            when=pl.col("hours_bought").is_not_null(),
            holds=_HOURS_GONE <= _HOURS_HELD,
        ),
    ),
)
