"""Tags, lost friends, reachability and engagement (docs/tags.md, docs/reach.md)."""

from models.contracts.published.table import BIGINT, BOOLEAN, DATE, TEXT, TIMESTAMP, Table, promise

REACH: tuple[Table, ...] = (
    promise(
        "customer_tags",
        "customer_id source tag_key staff_id period",
        f"{TEXT}: customer_id source tag_key name name_en tag_group tag_group_en reason staff_id store_id",
        f"{BIGINT}: period",
        f"{DATE}: since until",
    ),
    promise(
        "friend_losses",
        "userid external_userid lost_at",
        f"{TEXT}: userid external_userid customer_id store_id cause",
        f"{BOOLEAN}: is_exact",
        f"{TIMESTAMP}: followed_at lost_at",
    ),
    promise(
        "customer_reachability",
        "customer_id channel",
        f"{TEXT}: customer_id channel marketing_reason service_reason",
        f"{BOOLEAN}: is_marketing_reachable is_service_reachable",
        f"{TIMESTAMP}: marketing_since service_since",
    ),
    promise(
        "customer_engagement",
        "customer_id",
        f"{TEXT}: customer_id",
        f"{BIGINT}: messages_7 messages_30 messages_90 staff_messages_90 sessions_90 active_days_90",
        f"{BIGINT}: recency_points active_day_points message_points score",
        f"{TIMESTAMP}: last_touch_at",
    ),
    promise(
        "group_engagement",
        "corp_id chat_id",
        f"{TEXT}: corp_id chat_id name owner_userid store_id",
        f"{BIGINT}: members external_members messages_30 speakers_30 joined_30 left_30 silent_members silent_ppm",
        f"{BOOLEAN}: is_current",
        f"{TIMESTAMP}: created_at",
    ),
)
