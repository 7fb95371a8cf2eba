"""People of the company as files hold them: members of the programme, leads, what was said to them, and the staff."""

from models.contracts.contract import Column, Contract, not_negative
from models.contracts.landed.columns import (
    PERSON,
    currency_column,
    happened,
    key_column,
    name_column,
    not_before,
    product_column,
    somebody,
    staff_column,
    status_column,
    store_column,
    updated_column,
)
from models.contracts.landed.parties import state_from_column

_MEMBER_NO = PERSON[3]
_BIRTHDAYS = ("birthday", "出生日期", "dob")

MEMBERS = Contract(
    dataset="members",
    en="Memberships",
    zh="会员",
    grain="one row per membership",
    key=("member_no",),
    event_time="joined_at",
    replaced_by=("member_no",),
    columns=(
        Column(
            "member_no",
            "id",
            "number of the membership",
            "会员号",
            required=True,
            personal=True,
            synonyms=(*_MEMBER_NO.synonyms, "card no", "会员卡号码", "卡号"),
        ),
        *PERSON[:3],
        name_column(),
        Column("gender", "text", "gender", "性别", synonyms=("sex",), known=("female", "male")),
        Column("birth_date", "date", "date of birth", "生日", personal=True, synonyms=_BIRTHDAYS),
        Column("level", "text", "level", "会员等级", synonyms=("grade", "tier", "等级", "会员级别", "级别")),
        status_column("active", "frozen", "cancelled", zh="会员状态", synonyms=("状态", "卡状态")),
        Column("source", "text", "channel of joining", "来源渠道", synonyms=("来源", "入会渠道", "channel")),
        store_column("store_id", "store of joining", "开卡门店"),
        staff_column("staff_id", "employee who looks after the member", "专属导购"),
        Column(
            "referrer_member_no",
            "id",
            "member who brought this one",
            "推荐人会员号",
            personal=True,
            synonyms=("referrer", "推荐人", "邀请人"),
        ),
        Column("growth_value", "integer", "growth value", "成长值", synonyms=("growth", "经验值")),
        Column(
            "points_balance",
            "integer",
            "points as the source counts them",
            "积分余额",
            synonyms=("points", "积分", "可用积分", "当前积分"),
        ),
        Column(
            "level_expires_on",
            "date",
            "last day of the level",
            "等级有效期",
            synonyms=("到期日", "有效期至", "expires"),
        ),
        happened(
            "joined_at", "time of joining", "入会时间", "注册时间", "开卡时间", "join date", "created_at", "created"
        ),
        updated_column(),
    ),
)

STAFF = Contract(
    dataset="staff",
    en="Staff",
    zh="员工",
    grain="one row per employee and state",
    key=("staff_id", "valid_from"),
    replaced_by=("staff_id", "valid_from"),
    blank_in_key=("valid_from",),
    columns=(
        key_column(
            "staff_id", "employee number", "员工编号", "employee no", "工号", "员工工号", "导购编号", "编号", "id"
        ),
        Column("userid", "id", "WeCom userid", "企业微信账号", synonyms=("wecom userid", "企微账号", "账号")),
        Column("name", "text", "name", "姓名", required=True, personal=True, synonyms=("员工姓名", "full name")),
        Column(
            "phone", "phone", "phone, E.164", "手机号", personal=True, synonyms=("mobile", "手机", "电话", "联系电话")
        ),
        store_column("store_id", "store", "所属门店"),
        Column("department", "text", "department", "部门", synonyms=("dept", "所属部门")),
        Column("position", "text", "position", "职位", synonyms=("title", "岗位", "职务", "job")),
        Column("skills", "text", "skills, comma separated", "技能", synonyms=("skill", "擅长项目")),
        staff_column("manager_id", "employee number of the superior", "上级工号", "manager", "上级", "直属上级"),
        status_column("active", "left", zh="在职状态", synonyms=("状态", "state")),
        Column("hired_on", "date", "first day", "入职日期", synonyms=("hire date", "入职时间")),
        Column("left_on", "date", "last day", "离职日期", synonyms=("leave date", "离职时间")),
        state_from_column(),
    ),
    rules=(not_before("left_on", "hired_on"),),
)

LEADS = Contract(
    dataset="leads",
    en="Leads and opportunities",
    zh="线索与商机",
    grain="one row per lead",
    key=("lead_id",),
    event_time="created_at",
    replaced_by=("lead_id",),
    columns=(
        key_column("lead_id", "number of the lead", "线索编号", "lead", "lead no", "商机编号", "编号", "id"),
        *PERSON,
        name_column(),
        Column("city", "text", "city", "城市", synonyms=("所在城市", "地区")),
        Column(
            "source", "text", "where the lead came from", "线索来源", synonyms=("来源", "channel", "渠道", "来源渠道")
        ),
        Column("campaign", "text", "campaign", "活动", synonyms=("推广计划", "广告计划", "utm_campaign")),
        Column("interest", "text", "what the person asked for", "意向", synonyms=("意向产品", "意向课程", "咨询内容")),
        product_column(),
        Column(
            "stage",
            "text",
            "stage",
            "阶段",
            synonyms=("状态", "status", "线索状态", "商机阶段", "跟进状态"),
            known=("new", "contacted", "qualified", "proposal", "won", "lost"),
        ),
        Column("lost_reason", "text", "why it was lost", "输单原因", synonyms=("失败原因", "流失原因", "战败原因")),
        Column("next_step", "text", "next step", "下一步", synonyms=("下一步计划",)),
        store_column(),
        staff_column("staff_id", "employee who owns it", "负责人"),
        currency_column(),
        Column(
            "amount",
            "amount",
            "expected amount, minor units",
            "预计金额",
            synonyms=("expected amount", "预计成交金额", "商机金额"),
            checks=(not_negative("amount"),),
        ),
        happened(
            "created_at", "time it came in", "创建时间", "created", "留资时间", "提交时间", "date", "日期", "时间"
        ),
        Column("assigned_at", "timestamp", "time it was assigned", "分配时间", synonyms=("assigned",)),
        Column(
            "closed_at", "timestamp", "time it was won or lost", "结束时间", synonyms=("closed", "成交时间", "关闭时间")
        ),
        updated_column(),
    ),
    rules=(not_before("assigned_at", "created_at"), not_before("closed_at", "created_at")),
)

FOLLOW_UPS = Contract(
    dataset="follow_ups",
    en="Follow-ups",
    zh="跟进记录",
    grain="one row per follow-up",
    key=("follow_up_id",),
    event_time="followed_at",
    replaced_by=("follow_up_id",),
    columns=(
        key_column("follow_up_id", "number of the follow-up", "跟进编号", "follow up", "记录编号", "编号", "id"),
        Column("lead_id", "id", "lead", "线索编号", synonyms=("lead", "商机编号")),
        *PERSON,
        name_column(),
        staff_column("staff_id", "employee", "跟进人", required=True),
        store_column(),
        Column(
            "channel",
            "text",
            "channel",
            "跟进方式",
            synonyms=("方式", "渠道", "method"),
            known=("wecom", "phone", "sms", "email", "visit"),
        ),
        Column(
            "content", "text", "what was said", "跟进内容", personal=True, synonyms=("内容", "备注", "note", "notes")
        ),
        Column("outcome", "text", "outcome", "跟进结果", synonyms=("结果", "result")),
        Column("next_step", "text", "next step", "下一步", synonyms=("下一步计划",)),
        happened("followed_at", "time of the follow-up", "跟进时间", "date", "time", "日期", "时间", "created_at"),
        Column("next_at", "timestamp", "time of the next step", "下次跟进时间", synonyms=("next date", "下次跟进")),
    ),
    rules=(somebody("member_no", "a follow-up", unless="lead_id"),),
)
