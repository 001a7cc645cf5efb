//! Every statement of the store, on both databases, with the same assertions.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by failing")]

mod addresses;
mod allowance;
mod audience;
mod backlog;
mod bounces;
mod bursts;
mod contacts;
mod copies;
mod counts;
mod engagement;
mod events;
mod fencing;
mod keeping;
mod life;
mod names;
mod plan;
mod posts;
mod readers;
mod schedule;
mod schema;
mod world;

/// Runs each of these on a fresh database of either kind.
macro_rules! on_both_databases {
    ($($module:ident: $($name:ident),+;)+) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::$module::$name(&crate::world::World::sqlite().await).await;
                })+
            })+
        }
        mod postgres {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::$module::$name(&crate::world::World::postgres().await).await;
                })+
            })+
        }
    };
}

on_both_databases! {
    addresses: each_channel_finds_whom_it_can_reach, an_address_may_go_before_the_send, followers_need_their_own_address,
        only_mailboxes_and_numbers_are_suppressed, a_name_is_never_a_path;
    allowance: two_workers_share_one_rate, a_day_has_one_cap, receivers_that_wait_are_listed, a_receiver_may_have_any_name,
        what_cannot_go_yet_is_put_off;
    audience: random_rules_agree_with_memory, hostile_texts_are_only_texts, what_cannot_be_asked_is_told,
        large_sets_and_deep_nests_are_bounded, events_and_engagement;
    backlog: what_is_open_is_counted_by_channel, a_write_is_tried;
    bursts: the_first_hits_of_a_burst_are_taken_back, an_earlier_message_is_remembered_and_gets_the_credit,
        feeds_and_floods_are_judged_without_harm;
    engagement: histories_agree_with_memory, sends_are_read_when_a_run_has_ended, a_planning_that_is_cut_short_goes_on,
        a_planning_that_was_cut_short_may_be_changed, no_rule_reads_all_deliveries_or_events, large_audiences_and_busy_people, thousands_of_past_runs;
    bounces: a_full_mailbox_is_given_up_after_a_week, a_closed_mailbox_is_given_up_the_second_time,
        what_arrives_clears_the_count, another_address_begins_anew, a_soft_bounce_counts_once_and_only_when_recorded,
        a_run_knows_what_it_came_to, a_cancellation_that_was_cut_short_goes_on;
    contacts: upsert_finds_by_each_key, upsert_merges, a_batch_may_repeat_people, keys_move_and_a_no_goes_along,
        bad_people_are_told, finding_and_paging,
        imports_at_once_make_nobody_twice;
    copies: the_same_database_is_no_copy, a_copy_stops_everything_until_it_is_adopted,
        a_copy_takes_the_place_of_a_stop_by_hand, a_database_of_an_older_version_is_marked,
        what_a_log_shows_is_marked_as_sent, an_ended_run_is_reconciled_too,
        a_log_also_shows_what_a_cancelled_run_and_a_follow_up_sent;
    counts: rollups_and_tallies_equal_a_recount, rollups_by_hour_and_filtered;
    events: firsts_count_once, a_feed_counts_each_time, machines_and_reports, strangers_are_dropped,
        suppressions_follow, test_runs_move_nothing, credit_goes_to_the_last_click, window_edges, keys_count_once,
        timelines;
    fencing: a_swept_lease_records_nothing, an_expired_lease_begins_nothing, a_row_taken_over_is_not_overwritten,
        a_sweep_resends_or_holds, what_a_dead_worker_left_traces_of_is_known,
        what_is_looked_for_waits_for_the_other_side, a_lease_that_was_renewed_in_the_last_moment_is_not_taken_over, a_sweep_leaves_the_living_alone, concurrent_claims_never_overlap, closing_gives_back, lease_numbers_never_repeat,
        a_sweep_during_claims_leaves_nothing_behind, a_cancel_during_records_leaves_nothing_open;
    keeping: outbox_keeps_what_was_recorded, revisions_are_found_again, settings_are_made_once,
        suppressions_stay_as_they_were, opening_and_migrating_again, its_health_is_known;
    life: from_plan_to_finish, every_outcome, outcomes_of_one_delivery, pause_and_resume, cancel_in_mid_flight,
        retry_queues_exactly_the_failed, suppressed_between_claim_and_intent, a_condition_is_met_when_due,
        what_may_have_arrived_is_neither_failed_nor_cancelled, expiry_ends_what_is_left, left_out_people_do_not_use_up_a_claim, lists_and_explanations, hostile_answers, large_runs_go_in_slabs;
    names: links_have_random_names, links_of_earlier_versions_have_their_numbers, a_claim_tells_identities,
        identities_find_their_own_delivery_only, what_comes_back_of_a_test_copy_changes_nothing,
        a_refused_test_copy_is_held_against_nobody, a_test_copy_may_go_to_another_address;
    plan: everybody_once, who_is_left_out, everybody_at_their_own_time, followers_come_after,
        followers_grow_while_their_leader_sends, one_and_feed,
        only_planned_runs_are_planned, where_a_plan_goes_and_until_when;
    posts: what_was_published_is_kept, a_second_try_knows_that_it_is_one, it_went_out,
        one_that_failed_keeps_a_run_from_having_gone_well, send_it_again, of_two_who_settle_one_is_heard,
        a_feed_is_settled_too_and_a_cancellation_is_left_alone, a_channel_that_cannot_be_used_pauses_its_runs;
    readers: the_first_few, the_longest_of_each_attribute, length_is_in_characters_or_in_bytes;
    schema: addresses_are_compared_byte_by_byte;
    schedule: one_of_two_racers_wins, runs_are_made_once, parents_without_followers,
        what_does_not_run_is_written_down_once, a_renamed_step_keeps_its_history, one_set_of_files_is_in_force,
        everything_stops_and_starts, a_cancelled_run_goes_on_for_those_who_have_not_got_it,
        a_newer_occurrence_supersedes_an_older_one;
}
