//! The conformance suite: each statement of the store, on both databases, with the same assertions.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by failing")]

mod addresses;
mod allowance;
mod audience;
mod backlog;
mod bounces;
mod consents;
mod contacts;
mod database_copies;
mod engagement;
mod erasure;
mod events;
mod fencing;
mod fixture;
mod lifecycle;
mod machine_hits;
mod names;
mod other_tables;
mod plan;
mod posts;
mod recount;
mod samples;
mod schedule;
mod schema;

/// Runs each of these tests on a fresh database of both kinds.
macro_rules! on_both_databases {
    ($($module:ident: $($name:ident),+;)+) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::$module::$name(&crate::fixture::StoreFixture::sqlite().await).await;
                })+
            })+
        }
        mod postgres {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::$module::$name(&crate::fixture::StoreFixture::postgres().await).await;
                })+
            })+
        }
    };
}

on_both_databases! {
    addresses: each_channel_reaches_contacts_with_its_address, an_address_may_go_before_the_send,
        followers_need_their_own_address, only_mailboxes_and_numbers_are_suppressed, a_name_is_never_a_path;
    allowance: two_workers_share_one_rate, a_day_has_one_cap, held_receivers_are_listed,
        a_receiver_may_have_any_name, deliveries_that_cannot_be_sent_yet_are_put_off;
    audience: random_rules_agree_with_memory, hostile_texts_are_only_texts, invalid_audiences_are_reported,
        large_sets_and_deep_nests_are_bounded, events_and_engagement;
    backlog: open_deliveries_are_counted_by_channel, the_health_check_writes;
    machine_hits: the_first_hits_of_a_burst_are_taken_back, an_earlier_message_gets_the_credit,
        an_announced_machine_is_no_evidence_about_a_person,
        feeds_and_floods_are_classified;
    engagement: histories_agree_with_memory, sends_are_read_when_a_run_has_ended,
        an_interrupted_planning_continues, an_interrupted_planning_may_change,
        no_rule_reads_all_deliveries_or_events, large_audiences_and_busy_contacts, thousands_of_past_runs;
    bounces: a_full_mailbox_is_suppressed_after_a_week, a_closed_mailbox_is_suppressed_the_second_time,
        an_accepted_delivery_clears_the_count, another_address_starts_a_new_count,
        a_soft_bounce_counts_once_and_only_when_recorded, a_paused_run_stores_its_figures,
        an_interrupted_cancellation_continues;
    consents: no_import_raises_a_consent, a_request_counts_once_it_is_confirmed, purposes_are_apart,
        consent_is_asked_until_the_last_moment, a_run_without_a_purpose_asks_nobody,
        an_unsubscription_is_entered_and_may_be_undone, a_changed_ledger_is_found, an_erased_entry_is_sound,
        concurrent_changes_keep_the_chain;
    contacts: upsert_finds_by_each_key, a_refused_address_stays_refused_when_it_moves, upsert_merges, a_batch_may_repeat_people,
        keys_move_and_a_refusal_moves_with_them, invalid_contacts_are_reported, finding_and_paging,
        concurrent_imports_insert_each_contact_once;
    database_copies: the_same_database_is_no_copy, a_copy_stops_everything_until_it_is_adopted,
        a_copy_takes_the_place_of_a_stop_by_hand, a_database_of_an_older_version_is_marked,
        deliveries_in_a_log_are_marked_as_sent, an_ended_run_is_reconciled_too,
        a_log_also_shows_deliveries_of_cancelled_runs_and_follow_ups;
    erasure: nothing_tells_who_an_erased_contact_was, an_erased_address_that_is_imported_again_gets_nothing;
    recount: rollups_and_tallies_equal_a_recount, rollups_by_hour_and_filtered;
    events: first_reactions_count_once, a_feed_counts_each_time, machines_and_reports,
        unknown_deliveries_are_dropped, suppressions_follow, test_runs_move_nothing,
        credit_goes_to_the_last_click, window_edges, keys_count_once, timelines;
    fencing: a_swept_lease_records_nothing, an_expired_lease_begins_nothing,
        a_row_taken_over_is_not_overwritten, a_sweep_resends_or_holds, the_journal_of_a_dead_worker_is_used,
        a_second_try_waits_for_the_other_side, a_lease_renewed_at_the_last_moment_is_not_taken_over,
        a_sweep_keeps_valid_leases, concurrent_claims_never_overlap, closing_a_lease_releases_deliveries,
        lease_numbers_never_repeat, a_sweep_during_claims_leaves_nothing_behind,
        a_cancel_during_records_leaves_nothing_open;
    other_tables: the_outbox_stores_recorded_messages, revisions_are_found_again, settings_are_inserted_once,
        existing_suppressions_are_not_changed, opening_and_migrating_again, health_is_reported;
    lifecycle: from_plan_to_finish, every_outcome, outcomes_of_one_delivery, pause_and_resume,
        cancel_in_mid_flight, retry_queues_exactly_the_failed, suppressed_between_claim_and_intent,
        a_condition_is_met_when_due, uncertain_deliveries_are_neither_failed_nor_cancelled,
        expiry_ends_open_deliveries, suppressed_deliveries_do_not_use_up_a_claim, lists_and_explanations,
        hostile_answers, large_runs_are_processed_in_chunks;
    names: links_have_random_names, links_of_earlier_versions_have_their_numbers, a_claim_returns_identities,
        identities_find_their_own_delivery_only, events_of_a_test_copy_change_nothing,
        a_refused_test_copy_suppresses_nothing, a_test_copy_may_go_to_another_address;
    plan: each_contact_is_planned_once, contacts_are_left_out_with_a_reason,
        local_times_use_each_contacts_time_zone, followers_come_after, followers_grow_while_the_parent_sends,
        one_and_feed, only_planned_runs_are_planned, domains_and_last_due_time;
    posts: published_posts_are_stored, a_second_try_has_a_repeat_count,
        uncertain_deliveries_are_settled_as_sent, a_failed_delivery_keeps_the_state_of_its_run,
        uncertain_deliveries_are_sent_again, concurrent_settlements_count_once,
        a_feed_is_settled_too_and_a_cancellation_is_left_alone, a_channel_that_cannot_be_used_pauses_its_runs;
    samples: the_first_recipients, the_longest_of_each_attribute, length_is_in_characters_or_in_bytes;
    schema: addresses_are_compared_byte_by_byte;
    schedule: one_of_several_planners_wins, runs_are_inserted_once, parents_without_followers,
        occurrences_that_do_not_run_are_stored_once, a_renamed_step_keeps_its_history,
        one_set_of_files_is_active, everything_stops_and_starts, a_reopened_run_reaches_the_other_contacts,
        a_newer_occurrence_supersedes_an_older_one;
}
