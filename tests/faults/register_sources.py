"""Which test stands for which fault of the systems outside: the first part of the register."""

from tests.faults.fault import Fault

SOURCES = "tests/faults/test_sources.py"
CONNECTORS = "tests/contracts/test_connectors.py"
TROUBLE = "tests/contracts/test_connectors_in_trouble.py"
CLIENTS = "tests/unit/test_source_clients.py"
WECOM = "tests/unit/test_wecom_connector.py"
WECOM_FAULTS = "tests/unit/test_wecom_faults.py"
YOUZAN = "tests/unit/test_youzan_connector.py"
YOUZAN_CALLS = "tests/unit/test_youzan_calls.py"
WECHAT_PAY = "tests/unit/test_wechat_pay_connector.py"
WINDOWS = "tests/properties/test_windows.py"
OUT_OF_ORDER = "tests/pipeline/test_out_of_order.py"

OF_SOURCES: tuple[Fault, ...] = (
    Fault(
        1,
        "a storm of 429",
        (
            f"{TROUBLE}::test_a_storm_of_429_is_waited_out_as_the_header_says",
            f"{CLIENTS}::test_what_is_tried_again_and_what_is_not",
            f"{CLIENTS}::test_retry_after_is_read_in_both_forms",
        ),
    ),
    Fault(
        2,
        "the vendor's own word for busy or limited, in HTTP 200",
        (
            f"{TROUBLE}::test_half_of_the_answers_in_one_trouble_loses_nothing",
            f"{WECOM}::test_a_passing_trouble_on_any_kind_of_call_costs_no_row",
            f"{WECOM}::test_a_limit_that_stays_ends_the_pass_without_calling_it_complete",
            f"{YOUZAN_CALLS}::test_a_busy_platform_is_asked_again",
        ),
    ),
    Fault(
        3,
        "a token that ends between two pages, after any call",
        (
            f"{WECOM}::test_a_token_may_end_after_any_call",
            f"{YOUZAN}::test_a_token_may_end_after_any_call",
        ),
    ),
    Fault(
        4,
        "eight workers whose token ends at once",
        (
            f"{SOURCES}::test_eight_workers_whose_token_ended_fetch_one_new_token",
            "tests/unit/test_tokens.py::test_eight_threads_that_meet_an_expired_token_fetch_one_new_token",
        ),
    ),
    Fault(
        5,
        "a secret that is wrong, an authorisation taken back",
        (
            f"{CONNECTORS}::test_good_credentials_pass_and_bad_ones_say_what_to_do",
            f"{CONNECTORS}::test_no_secret_and_nothing_personal_in_logs_or_errors",
            f"{WECOM}::test_a_wrong_secret_stops_at_once_and_is_not_shown",
            f"{YOUZAN}::test_an_authorisation_that_was_taken_back_stops_the_sync_with_words",
        ),
    ),
    Fault(
        6,
        "bursts of 500, 502 and 503",
        (
            f"{TROUBLE}::test_half_of_the_answers_in_one_trouble_loses_nothing",
            f"{TROUBLE}::test_a_fifth_of_the_answers_in_trouble_loses_nothing",
            f"{WECOM_FAULTS}::test_one_answer_in_five_is_spoilt",
        ),
    ),
    Fault(
        7,
        "a connection reset, an answer that never comes, or never ends",
        (
            f"{SOURCES}::test_a_connection_that_is_reset_or_falls_silent_is_left_and_asked_again",
            f"{SOURCES}::test_a_server_that_never_answers_ends_the_attempts_in_words",
            f"{SOURCES}::test_an_answer_that_trickles_on_without_end_is_left_and_asked_again",
            f"{SOURCES}::test_a_server_that_only_trickles_ends_the_attempts_in_words",
            f"{WECOM}::test_a_server_that_hangs_is_left_and_asked_again",
        ),
        "headers that trickle: the HTTP library ends them at 100 KB only",
    ),
    Fault(
        8,
        "an answer cut short",
        (
            f"{TROUBLE}::test_half_of_the_answers_in_one_trouble_loses_nothing",
            f"{WECOM}::test_a_passing_trouble_on_any_kind_of_call_costs_no_row",
            f"{WECHAT_PAY}::test_a_file_cut_short_is_fetched_again",
        ),
    ),
    Fault(
        9,
        "a log-in page with HTTP 200",
        (
            f"{TROUBLE}::test_half_of_the_answers_in_one_trouble_loses_nothing",
            f"{WECOM}::test_html_that_stays_is_an_error_and_nothing_of_it_lands",
        ),
    ),
    Fault(
        10,
        "pages that come twice",
        (
            f"{TROUBLE}::test_records_that_move_while_they_are_paged_are_not_missed",
            f"{CONNECTORS}::test_a_day_read_again_adds_nothing",
            f"{WECOM}::test_pages_that_come_twice_add_nothing",
        ),
    ),
    Fault(
        11,
        "records that move between pages while they are read",
        (f"{TROUBLE}::test_records_that_move_while_they_are_paged_are_not_missed",),
    ),
    Fault(
        12,
        "cursors without end, pages that never add up",
        (
            f"{WECOM}::test_a_cursor_that_comes_back_is_an_error",
            f"{CLIENTS}::test_a_circle_with_ever_new_cursors_is_an_error_too",
            f"{TROUBLE}::test_pages_that_stay_empty_are_an_error_and_no_empty_shop",
        ),
    ),
    Fault(
        13,
        "an empty page in the middle",
        (
            f"{TROUBLE}::test_a_page_that_comes_empty_is_asked_for_again",
            f"{SOURCES}::test_a_page_without_records_in_the_middle_is_not_the_end",
        ),
    ),
    Fault(
        14,
        "records that the system shows days late",
        (
            f"{TROUBLE}::test_what_the_system_shows_days_late_is_found_the_next_day",
            f"{WECHAT_PAY}::test_a_late_bill_is_asked_for_again_and_never_taken_for_empty",
        ),
        "later than three days: only a day that is read again by hand finds them",
    ),
    Fault(
        15,
        "a change in the very second of the position",
        (
            f"{TROUBLE}::test_what_changes_in_the_very_second_of_the_position_is_found",
            f"{YOUZAN}::test_more_changes_in_one_second_than_the_platform_shows_are_not_passed_over",
        ),
    ),
    Fault(
        16,
        "older news after newer",
        (
            f"{OUT_OF_ORDER}::test_the_newest_by_the_platforms_time_wins_in_whatever_order_it_arrived",
            "tests/unit/test_wecom_callback.py::test_events_are_the_same_however_often_and_in_whatever_order",
        ),
    ),
    Fault(
        17,
        "a clock a day off, another zone, leap day, year end",
        (
            f"{TROUBLE}::test_a_clock_that_is_a_day_off_skips_nothing",
            f"{WINDOWS}::test_month_ends_and_leap_days_are_covered",
            f"{WINDOWS}::test_civil_time_of_any_zone_comes_back",
            f"{WINDOWS}::test_seconds_and_milliseconds_are_read_exactly",
        ),
    ),
    Fault(
        18,
        "a position from the future, of another form, damaged, or none",
        (
            f"{CONNECTORS}::test_a_position_from_the_future_reads_nothing_and_says_so",
            f"{TROUBLE}::test_a_position_of_another_form_is_refused_in_words",
            f"{CONNECTORS}::test_two_fresh_reads_are_equal",
            f"{WECHAT_PAY}::test_a_position_that_cannot_be_right_is_refused",
            "tests/unit/test_lake.py::test_a_damaged_committed_line_is_refused_not_skipped",
        ),
    ),
    Fault(19, "a field that is new", (f"{TROUBLE}::test_a_new_field_is_kept_and_reported",)),
    Fault(
        20,
        "a field gone, renamed, or of another form",
        (
            f"{TROUBLE}::test_a_field_that_is_gone_stops_its_stream_and_lands_nothing_wrong",
            f"{TROUBLE}::test_an_amount_of_another_form_stops_its_stream",
            "tests/unit/test_wecom_corps.py::test_a_format_that_changed_stops_its_stream_and_lands_nothing",
        ),
    ),
    Fault(
        21,
        "a state that nobody knows",
        (
            f"{TROUBLE}::test_a_state_nobody_knows_is_landed_and_told",
            "tests/dashboards/test_pages.py::test_totals_that_rest_on_a_state_nobody_knows_are_marked",
        ),
        "marked on the data page only, and of orders and refunds of platforms: files state in their own words",
    ),
)
