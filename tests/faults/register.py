"""Which test stands for which fault. ``make bench ARGS=faults`` runs them and prints what each has measured.

No figure stands here: a test hands its own over (``figure`` of ``tests/faults/conftest.py``), and a test of this list
keeps it in step with the tests that exist.
"""

from tests.faults.fault import Fault
from tests.faults.register_sources import OF_SOURCES, TROUBLE, WECOM

FAULTS = "tests/faults"
POINTS = f"{FAULTS}/test_points.py"
PUBLISHING = f"{FAULTS}/test_publishing.py"
DISK = f"{FAULTS}/test_failing_disk.py"
AROUND = f"{FAULTS}/test_surroundings.py"
KILLS = f"{FAULTS}/test_kills.py::test_killed_anywhere_the_next_run_ends_with_the_same_marts"
DIRTY = "tests/golden/test_dirty_files.py"
PARSING = "tests/unit/test_files_parsing.py"
NORMAL = "tests/properties/test_files_normalisers.py"


REGISTER: tuple[Fault, ...] = (
    *OF_SOURCES,
    Fault(
        22,
        "killed while landing",
        (
            KILLS,
            f"{TROUBLE}::test_killed_anywhere_it_goes_on_and_loses_nothing",
            f"{WECOM}::test_a_pass_killed_at_any_commit_goes_on_to_the_same_rows",
            f"{POINTS}::test_killed_at_every_point_of_a_door_the_repeat_gives_what_a_clean_pass_gives",
            "tests/unit/test_lake.py::test_killed_before_any_change_of_a_file_the_batch_is_whole_or_absent",
        ),
    ),
    Fault(
        23,
        "killed at every point of a publication, a reader polling",
        (
            f"{POINTS}::test_killed_at_every_point_of_a_run_readers_see_whole_snapshots_and_the_repeat_gives_the_clean_marts",
            f"{PUBLISHING}::test_killed_before_any_change_of_a_file_readers_see_a_whole_snapshot_and_a_repeat_completes",
        ),
    ),
    Fault(24, "killed while dbt builds: no day is missing", (KILLS,)),
    Fault(
        25,
        "killed while it holds the warehouse's lock",
        (KILLS, "tests/unit/test_warehouse.py::test_one_process_builds_and_the_next_gets_the_warehouse_when_it_dies"),
    ),
    Fault(26, "all processes killed, temporary files gone", (KILLS,), "the machine itself is not restarted"),
    Fault(
        27,
        "two runs at once",
        ("tests/pipeline/test_main_job.py::test_running_again_changes_nothing_and_of_two_runs_at_once_one_wins",),
    ),
    Fault(
        28,
        "readers during a hundred publications",
        (
            f"{PUBLISHING}::test_readers_during_a_hundred_publications_see_whole_snapshots_and_never_an_older_one",
            "tests/contracts/test_snapshots.py::test_many_readers_while_publishing",
        ),
    ),
    Fault(
        29,
        "disk full at any fill",
        (f"{DISK}::test_a_full_disk_at_any_fill_leaves_the_last_good_and_a_repeat_ends_well",),
    ),
    Fault(
        30,
        "a home that cannot be written",
        (f"{DISK}::test_a_disk_that_cannot_be_written_is_said_in_words",),
        "another user's folder: a test needs a checkout that a second user can read",
    ),
    Fault(
        31,
        "five million rows in half a gigabyte",
        (f"{AROUND}::test_a_question_too_large_for_memory_spills_or_is_refused_and_the_next_one_is_answered",),
        "an import or a run under a cap of the whole process: no bound is promised for them",
    ),
    Fault(
        32,
        "a flipped bit in a snapshot or in Parquet",
        (
            f"{PUBLISHING}::test_a_flipped_bit_anywhere_is_found_before_it_is_served",
            f"{AROUND}::test_a_flipped_bit_anywhere_in_a_landed_file_stops_the_run_before_it_reads",
            "tests/contracts/test_snapshots.py::test_truncated_and_missing_files_fall_back_too",
        ),
    ),
    Fault(
        33,
        "the snapshot replaced under an open reader",
        (
            "tests/contracts/test_snapshots.py::test_reader_follows_the_pointer_and_its_old_answers_go_on",
            f"{PUBLISHING}::test_readers_during_a_hundred_publications_see_whole_snapshots_and_never_an_older_one",
        ),
    ),
    Fault(
        34,
        "a journal left behind",
        (
            f"{AROUND}::test_a_candidate_with_a_journal_beside_it_is_refused",
            f"{AROUND}::test_what_a_killed_writer_committed_to_the_store_is_read_from_its_journal",
        ),
    ),
    Fault(
        35,
        "every operation on files fails in turn",
        (
            "tests/unit/test_lake.py::test_a_failed_write_commits_nothing",
            f"{PUBLISHING}::test_a_full_disk_at_any_change_of_a_file_is_survived",
            f"{DISK}::test_every_operation_that_changes_files_fails_in_turn",
        ),
    ),
    Fault(
        36,
        "10,000 bad rows among 100,000",
        (f"{DIRTY}::test_ten_thousand_bad_rows_among_a_hundred_thousand_all_have_a_row_a_column_and_a_rule",),
    ),
    Fault(37, "ragged rows, quotes, NUL, line ends", (f"{DIRTY}::test_every_row_is_accepted_quarantined_or_skipped",)),
    Fault(
        38,
        "encodings",
        (
            f"{DIRTY}::test_every_spelling_of_the_same_rows_gives_the_same_rows",
            f"{DIRTY}::test_a_file_that_cannot_be_told_is_refused_by_name_and_nothing_lands",
        ),
    ),
    Fault(
        39,
        "workbooks as people make them",
        (f"{DIRTY}::test_sheets_with_what_people_do_to_them", f"{DIRTY}::test_merged_cells_are_filled_down"),
    ),
    Fault(
        40,
        "renamed, empty and protected files",
        (f"{DIRTY}::test_a_file_that_cannot_be_told_is_refused_by_name_and_nothing_lands",),
    ),
    Fault(
        41,
        "a zip bomb, a sheet as wide as it goes",
        (
            f"{DIRTY}::test_a_zip_bomb_is_refused_before_it_is_inflated",
            f"{DIRTY}::test_xml_entities_and_a_sheet_as_wide_as_it_goes_are_refused",
        ),
    ),
    Fault(
        42,
        "the same file again, renamed, shuffled, corrected",
        (
            "tests/unit/test_files_importing.py::test_the_same_bytes_with_the_same_map_are_a_no_op_under_any_name",
            "tests/unit/test_files_importing.py::test_a_repaired_file_of_rejects_lands_and_what_is_not_repaired_comes_back",
            f"{AROUND}::test_another_clock_language_mask_folder_and_order_of_rows_give_the_same_marts",
        ),
    ),
    Fault(
        43,
        "leading zeros, long ids, digits lost in a spreadsheet",
        (
            f"{PARSING}::test_ids_stay_byte_for_byte",
            f"{PARSING}::test_ids_whose_digits_are_gone_are_refused",
            f"{NORMAL}::test_an_id_is_its_text_or_nothing",
        ),
    ),
    Fault(
        44,
        "full-width digits, spaces, invisible characters",
        (
            f"{NORMAL}::test_every_spelling_of_a_mobile_is_one_number",
            f"{NORMAL}::test_phones_of_any_text_are_stable_and_e164_or_nothing",
        ),
    ),
    Fault(
        45,
        "amounts in every spelling, refunds of every size",
        (
            f"{PARSING}::test_amounts_are_exact_minor_units",
            f"{NORMAL}::test_an_amount_is_exact_or_refused",
            "tests/properties/test_split.py::test_refunds_never_take_more_than_remains_and_end_at_zero",
        ),
    ),
    Fault(
        46,
        "a refund before its order, a refund after the month",
        (
            "tests/golden/test_settlement_cases.py::test_a_worked_case_comes_out_as_written",
            "tests/pipeline/test_increments_run.py::test_a_run_that_goes_on_gives_the_tables_of_a_whole_run",
        ),
    ),
    Fault(
        47,
        "rounding",
        ("tests/properties/test_split.py::test_shares_sum_to_the_amount_and_stay_next_to_their_exact_value",),
    ),
    Fault(
        48,
        "one order number in two shops",
        ("tests/pipeline/test_dbt_trunk.py::test_one_number_in_two_shops_is_two_orders",),
    ),
    Fault(
        49,
        "shared numbers, one key that joins many people",
        (
            "tests/unit/test_identity.py::test_everybody_is_one_customer_and_no_two_are_the_same",
            "tests/unit/test_identity.py::test_a_limit_with_a_window_counts_who_was_there_together",
            "tests/unit/test_identity.py::test_a_customer_that_falls_apart_keeps_its_id_on_the_larger_part_and_the_other_gets_a_new_one",
        ),
    ),
    Fault(
        59,
        "nothing listens beyond loopback",
        (
            f"{FAULTS}/test_network.py::test_a_demo_and_its_screens_listen_on_loopback_only_and_try_nothing_outside",
            "tests/dashboards/test_server.py::test_an_address_that_others_can_reach_wants_a_setting_hosts_and_people",
        ),
    ),
    Fault(
        72,
        "no network at all",
        (f"{FAULTS}/test_network.py::test_a_demo_and_its_screens_listen_on_loopback_only_and_try_nothing_outside",),
    ),
    Fault(
        74,
        "another clock, language, mask and folder",
        (f"{AROUND}::test_another_clock_language_mask_folder_and_order_of_rows_give_the_same_marts",),
        "another user: see 30",
    ),
)
