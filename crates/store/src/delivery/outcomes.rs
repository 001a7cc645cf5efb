//! Recording of outcomes: their effects on deliveries, attempts, suppressions and posts.

use std::collections::BTreeMap;

use database::{DeliveryId, LeaseId, Millis, Sql, StoreError, Tx, args, batch, id_space, sql};

use super::answer::truncated;
use super::{DeliveryState, Outcome, Rejection, post};
use crate::address::suppressible_address;
use crate::counter_deltas::CounterDeltas;
use crate::soft_bounce;

#[derive(serde::Serialize)]
struct OutcomeInput<'a> {
    id: DeliveryId,
    outcome: &'static str,
    reason: Option<&'a str>,
    due: Option<Millis>,
    answer: &'a str,
}

/// Applies outcomes: `sent`, `failed`, `deferred`, `returned`, `put_off` and `unknown`. An unknown
/// try is looked up at the other side before the next one, which waits until the other side must
/// have finished with it (`look_after`). A cancelled run sends nothing again.
const OUTCOMES: Sql = sql!(
    "with " [batch 1 as input: id bigint, outcome text, reason text, due bigint, answer text]
    ", judged as materialized (
       select i.id, i.reason, i.answer,
         i.due + case when i.outcome = 'unknown' then r.look_after else 0 end as due, case
           when i.outcome = 'unknown' and i.due is not null and r.on_uncertain = 'resend'
             and r.state <> 'cancelled' then 'again'
           when i.outcome = 'unknown' then 'uncertain'
           when i.outcome in ('deferred', 'returned', 'put_off') and r.state = 'cancelled' then 'cancelled'
           else i.outcome
         end as verdict
       from input i join runs r on r.id = i.id / " id_space!() ")
     update deliveries set
       state = case when j.verdict = 'again' then 'deferred' when j.verdict in ('returned', 'put_off') then 'queued'
                    when j.verdict = 'cancelled' and deliveries.repeats > 0 then 'uncertain' else j.verdict end,
       reason = case when j.verdict <> 'cancelled' then j.reason end,
       due_at = case when j.verdict in ('again', 'deferred', 'put_off') then j.due when j.verdict = 'returned' then $3 end,
       attempts = deliveries.attempts - case when j.verdict in ('returned', 'put_off') then 1 else 0 end,
       repeats = deliveries.repeats + case when j.verdict = 'again' then 1 else 0 end,
       sent_at = case when j.verdict = 'sent' then $3 else deliveries.sent_at end,
       answer = j.answer,
       lease_id = null
     from judged j
     where deliveries.id = j.id and deliveries.lease_id + 0 = $2 and deliveries.state = 'sending'
     returning deliveries.id as id, deliveries.state as state, deliveries.attempts as attempts"
);

#[derive(serde::Serialize)]
struct AttemptInput<'a> {
    id: DeliveryId,
    number: i64,
    outcome: &'static str,
    answer: &'a str,
}

const ATTEMPTS: Sql = sql!(
    "with " [batch 1 as input: id bigint, number bigint, outcome text, answer text]
    "insert into attempts (delivery_id, number, finished_at, outcome, answer)
     select id, number, $2, outcome, answer from input order by id"
);

#[derive(serde::Serialize)]
struct SuppressionInput {
    id: DeliveryId,
    reason: &'static str,
    source: String,
}

/// Suppresses addresses that were refused; refusals of test copies suppress nothing.
const SUPPRESS: Sql = sql!(
    "with " [batch 1 as input: id bigint, reason text, source text]
    "insert into suppressions (kind, address, reason, source, created_at)
     select kind, address, reason, source, $2
     from (select r.address as kind, " suppressible_address!() " as address, i.reason,
                  case r.address when 'phone' then 'sms' else 'smtp' end || i.source as source, i.id
           from input i join deliveries d on d.id = i.id join runs r on r.id = d.run_id and r.kind <> 'test'
           join contacts c on c.id = d.contact_id) refused
     where address is not null order by kind, address, id
     on conflict (kind, address) do nothing"
);

/// A delivery whose outcome was recorded.
#[derive(sqlx::FromRow)]
pub(crate) struct RecordedOutcome {
    pub(crate) id: DeliveryId,
    /// The state after the outcome.
    #[sqlx(try_from = "String")]
    pub(crate) state: DeliveryState,
    /// The number of tries so far.
    pub(crate) attempts: i64,
}

/// Records outcomes of the deliveries that this lease holds in `sending`, with their attempts,
/// suppressions and posts.
pub(crate) async fn record_outcomes(
    tx: &mut Tx,
    lease: LeaseId,
    outcomes: &BTreeMap<DeliveryId, &Outcome>,
    now: Millis,
    deltas: &mut CounterDeltas,
) -> Result<Vec<RecordedOutcome>, StoreError> {
    let ended = apply_outcomes(tx, lease, outcomes, now, deltas).await?;
    insert_attempts(tx, outcomes, &ended, now).await?;
    suppress(tx, outcomes, &ended, now).await?;
    let posts = ended.iter().filter_map(|RecordedOutcome { id, .. }| match outcomes.get(id)? {
        Outcome::Accepted { post, .. } => Some((*id, post.as_ref()?)),
        _ => None,
    });
    post::upsert(tx, posts.collect(), now).await?;
    Ok(ended)
}

/// Sets the states of the deliveries that this lease holds, and counts them.
async fn apply_outcomes(
    tx: &mut Tx,
    lease: LeaseId,
    outcomes: &BTreeMap<DeliveryId, &Outcome>,
    now: Millis,
    deltas: &mut CounterDeltas,
) -> Result<Vec<RecordedOutcome>, StoreError> {
    if outcomes.is_empty() {
        return Ok(Vec::new());
    }
    let input: Vec<_> = outcomes.iter().map(|(id, outcome)| OutcomeInput::from((*id, *outcome))).collect();
    let ended: Vec<RecordedOutcome> = tx.rows(&OUTCOMES, args![batch(&input)?, lease, now]).await?;
    for RecordedOutcome { id, state, .. } in &ended {
        let state = *state;
        match (state, outcomes.get(id)) {
            (DeliveryState::Deferred, Some(Outcome::Unknown { .. })) => deltas.add_repeats(id.run(), 1),
            (DeliveryState::Deferred | DeliveryState::Queued, _) => {}
            (DeliveryState::Failed, Some(Outcome::Rejected(rejection))) => {
                deltas.add_ended(id.run(), state, &rejection.reason, 1);
            }
            _ => deltas.add_ended(id.run(), state, "", 1),
        }
    }
    Ok(ended)
}

/// Inserts a row for each try that was not accepted.
async fn insert_attempts(
    tx: &mut Tx,
    outcomes: &BTreeMap<DeliveryId, &Outcome>,
    ended: &[RecordedOutcome],
    now: Millis,
) -> Result<(), StoreError> {
    let attempt = |RecordedOutcome { id, attempts: number, .. }: &RecordedOutcome| {
        let (outcome, answer) = match outcomes.get(id)? {
            Outcome::Accepted { .. } | Outcome::Returned { .. } | Outcome::PutOff { .. } => return None,
            Outcome::Deferred { answer, .. } => ("deferred", answer),
            Outcome::Rejected(rejection) => ("rejected", &rejection.answer),
            Outcome::Unknown { answer, .. } => ("unknown", answer),
        };
        Some(AttemptInput { id: *id, number: *number, outcome, answer: truncated(answer) })
    };
    let input: Vec<_> = ended.iter().filter_map(attempt).collect();
    if !input.is_empty() {
        tx.execute(&ATTEMPTS, args![batch(&input)?, now]).await?;
    }
    Ok(())
}

/// Suppresses addresses that must not be written to again, at once or after too many soft bounces.
/// An accepted delivery resets the contact's soft bounces.
async fn suppress(
    tx: &mut Tx,
    outcomes: &BTreeMap<DeliveryId, &Outcome>,
    ended: &[RecordedOutcome],
    now: Millis,
) -> Result<(), StoreError> {
    let refusal = |RecordedOutcome { id, .. }: &RecordedOutcome| match outcomes.get(id)? {
        Outcome::Rejected(rejection) => {
            let reason = rejection.suppress?.as_str();
            Some(SuppressionInput { id: *id, reason, source: suppression_source(&rejection.answer) })
        }
        _ => None,
    };
    let input: Vec<_> = ended.iter().filter_map(refusal).collect();
    if !input.is_empty() {
        tx.execute(&SUPPRESS, args![batch(&input)?, now]).await?;
    }
    let soft = |RecordedOutcome { id, .. }: &RecordedOutcome| match outcomes.get(id)? {
        Outcome::Deferred { soft, .. } | Outcome::Rejected(Rejection { soft, .. }) => Some((*id, (*soft)?)),
        _ => None,
    };
    let soft: Vec<_> = ended.iter().filter_map(soft).collect();
    soft_bounce::count(tx, &soft, now).await?;
    let sent = ended
        .iter()
        .filter(|RecordedOutcome { id, .. }| matches!(outcomes.get(id), Some(Outcome::Accepted { .. })));
    soft_bounce::clear(tx, sent.map(|row| row.id)).await
}

impl<'a> From<(DeliveryId, &'a Outcome)> for OutcomeInput<'a> {
    fn from((id, outcome): (DeliveryId, &'a Outcome)) -> Self {
        let (outcome, reason, due, answer) = match outcome {
            Outcome::Accepted { answer, .. } => ("sent", None, None, answer),
            Outcome::Deferred { until, answer, .. } => ("deferred", None, Some(*until), answer),
            Outcome::Returned { answer } => ("returned", None, None, answer),
            Outcome::PutOff { until, why, answer } => ("put_off", Some(truncated(why)), Some(*until), answer),
            Outcome::Rejected(rejection) => {
                ("failed", Some(rejection.reason.as_str()), None, &rejection.answer)
            }
            Outcome::Unknown { retry_at, answer } => ("unknown", None, *retry_at, answer),
        };
        Self { id, outcome, reason, due, answer: truncated(answer) }
    }
}

/// The suffix of a suppression's source: the codes at the start of the answer, each after a space,
/// such as ` 550 5.1.1`.
fn suppression_source(answer: &str) -> String {
    let is_code = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.len() <= 12;
    let words = answer.split([' ', '-']).take(2).take_while(is_code);
    words.fold(String::new(), |source, word| source + " " + word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_codes_of_an_answer() {
        assert_eq!(suppression_source("550 5.1.1 no such user"), " 550 5.1.1");
        assert_eq!(suppression_source("550-5.1.1 The account"), " 550 5.1.1");
        assert_eq!(suppression_source("gone"), "");
    }
}
