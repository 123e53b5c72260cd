//! What must hold of every [`Store`], whatever database is behind it.
//!
//! Each test is a function over a [`Kit`]. [`contract`] makes `#[tokio::test]`s of
//! all of them for one way to open a store.

pub(super) mod accounts;
pub(super) mod audit;
pub(super) mod ceremonies;
pub(super) mod credentials;
pub(super) mod failures;
mod kit;
pub(super) mod lifecycle;
pub(super) mod rates;
pub(super) mod rollouts;
pub(super) mod sessions;
pub(super) mod sweep;

pub(super) use kit::{DAY, Kit, LIFETIME, NOW, OTHER, RP, id};

/// `contract!(path::to::open)` where `open` is
/// `async fn(Arc<FixedClock>) -> Arc<dyn Store>` and each store is a new one, with
/// sessions of [`LIFETIME`].
macro_rules! contract {
    ($open:path) => {
        $crate::store::contract::contract! { @each $open;
            credentials {
                inserted_credential_is_read_back_whole,
                credential_id_is_unique_within_its_relying_party,
                credential_needs_its_account,
                list_is_oldest_first_and_the_users_own,
                only_the_owners_credential_is_changed,
                removed_credential_is_gone,
                use_is_recorded_by_compare_and_set,
                of_parallel_first_credentials_one_is_kept,
                use_never_takes_backup_eligibility_back,
                of_parallel_uses_of_one_counter_one_succeeds,
                suspended_credential_records_no_use,
                typical_is_the_form_of_the_oldest,
                relying_parties_do_not_see_each_others_credentials,
                malformed_credential_is_refused,
                credential_of_another_relying_party_is_refused,
            }
            ceremonies {
                taken_ceremony_is_what_was_put,
                reused_ceremony_is_used,
                of_200_parallel_takes_one_succeeds,
                late_ceremony_is_expired,
                used_ceremony_stays_used_when_it_expires,
                other_kind_or_relying_party_is_not_found_and_stays,
                ceremony_id_is_put_once,
                ceremony_of_an_answer_that_waits_is_there_when_it_leaves,
                malformed_ceremony_is_refused,
                text_that_no_database_holds_is_refused_alone,
            }
            accounts {
                new_account_is_pending_and_found_by_id_only,
                active_account_is_found_by_name,
                pending_accounts_share_a_name_and_one_gets_it,
                chosen_id_is_taken_once,
                relying_parties_have_their_own_accounts,
                malformed_account_is_refused,
                names_of_an_active_account_change,
                name_that_another_account_has_is_refused,
            }
            lifecycle {
                label_and_status_change_together_or_not_at_all,
                last_active_credential_stays_where_it_must,
                of_parallel_removals_of_two_last_credentials_one_succeeds,
                suspension_is_dated_and_activity_ends_an_alarm,
                use_records_what_changed_in_its_outcome,
                use_rests_on_the_backup_state_that_was_read,
            }
            failures {
                tenth_failure_locks_for_the_configured_time,
                failures_of_long_ago_do_not_count,
                locked_account_records_no_use_and_a_use_forgives,
                of_100_parallel_failures_ten_are_counted,
                failures_belong_to_a_relying_party_and_an_account,
                failures_are_swept_when_they_lock_nothing,
            }
            rates {
                what_is_there_is_given_and_no_more,
                cells_come_back_with_time,
                of_1000_takings_exactly_what_there_is_is_given,
                taking_leaves_no_record,
                identity_that_owes_nothing_is_swept,
                malformed_taking_is_refused,
            }
            sessions {
                touched_session_goes_on_until_it_rests_too_long,
                touches_are_written_down_now_and_then,
                session_that_is_over_is_not_touched,
                session_has_the_configured_lifetime,
                revoked_session_stays_revoked,
                relying_parties_do_not_see_each_others_sessions,
                malformed_session_is_refused,
            }
            audit {
                every_call_leaves_one_record,
                record_has_every_field,
                reads_are_recorded_when_their_trail_is_appended,
                change_takes_its_trail_along_in_order,
                refused_change_takes_nobody_along_and_is_recorded,
                cancelled_call_leaves_its_record,
                records_that_nobody_appends_are_taken_over,
                names_and_ceremony_ids_are_not_recorded,
                closed_store_is_busy_and_owes_the_record,
            }
            rollouts {
                pushed_revision_is_read_back_whole,
                revision_that_is_not_there_can_not_be_made_to_serve,
                of_a_removal_and_an_activation_one_succeeds,
                revision_pushed_again_has_its_newer_signature,
                rollout_is_read_back_whole,
                rollout_comes_with_what_vouches_for_what_it_runs,
                rollout_of_another_epoch_is_a_conflict_and_recorded,
                of_parallel_changes_of_one_epoch_one_succeeds,
                revision_that_the_rollout_names_stays,
                report_takes_the_place_of_the_hosts_last_one,
            }
            sweep {
                sweep_forgets_what_is_a_day_out_of_date,
                pending_account_that_owns_something_stays,
                sweep_is_bounded_and_finishes,
            }
        }
    };
    (@each $open:path; $($group:ident { $($name:ident),* $(,)? })*) => { $(
        mod $group { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let kit = $crate::store::contract::Kit::open($open).await;
                $crate::store::contract::$group::$name(kit).await;
            }
        )* }
    )* };
}
pub(super) use contract;
