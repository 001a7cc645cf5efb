//! Reads a campaign file into a campaign.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use source::{Field, Located, Scalar, SourceFile};

use crate::ids::CampaignId;
use crate::text::EmailAddress;
use crate::workspace::campaign_file::format::{BudgetFile, CampaignFile, GoalFile};
use crate::workspace::campaign_file::schedule::duration_or_default;
use crate::workspace::campaign_file::{silenced_rules, step, stop_rules};
use crate::workspace::date_time::{BadDate, DateOrTime};
use crate::workspace::definitions::{AUDIENCE, Definitions, PURPOSE, Registry, find_or_report};
use crate::workspace::message::check::{check_translated_facts, check_written};
use crate::workspace::message::merge::MessageDraft;
use crate::workspace::value::{event_name, one_line, read_amount, read_currency};
use crate::workspace::{Budget, Campaign, Goal, Purpose, date_time};

const DEFAULT_GOAL_WINDOW: Duration = Duration::from_secs(7 * 86_400);

/// Reads the campaign; `None` if it has errors.
pub(crate) fn campaign(
    source: &SourceFile,
    definitions: &Definitions,
    id: CampaignId,
    file: &CampaignFile,
) -> Option<Campaign> {
    let title = source.require(&file.title, "title", "title = \"Spring renewal\"", None);
    let title = title.and_then(|title| one_line(source, "title", title));
    let audience = source.require(&file.audience, "audience", "audience = \"everyone\"", None);
    let audience = audience
        .and_then(|name| find_or_report(source, &AUDIENCE, name, &definitions.audiences))
        .map(|audience| audience.id.clone());
    let purpose = purpose(source, definitions, file);
    let message = source.require(&file.message, "[message]", "[message]\nsubject = \"…\"", None);
    let message = message.map(|message| MessageDraft::read(source, message)).unwrap_or_default();
    check_written(source, definitions, &message);
    check_translated_facts(source, &message);
    let steps = source.require(&file.steps, "[[steps]]", "[[steps]]\nid = \"mail\"", None);
    let (starts, ends) = bounds(source, definitions, file);
    let reader = step::StepReader {
        source,
        definitions,
        message: &message,
        audience: audience.as_ref(),
        purpose,
        starts,
        ends,
    };
    let steps = steps.and_then(|steps| reader.steps(steps));
    let (owner, goal, budget) = (owner(source, file), goal(source, file), budget(source, file));
    let stop_at = stop_rules::stop_at(source, file);
    let silenced_rules = silenced_rules::silenced_rules(source, file);
    let previous_id = previous_id(source, definitions, file);
    let hold = file.hold.value().copied().unwrap_or(false);
    if source.has_errors() {
        return None;
    }
    Some(Campaign {
        id,
        file: source.file.clone(),
        title: title?,
        objective: file.objective.value().cloned(),
        owner,
        audience: audience?,
        purpose: purpose?.clone(),
        previous_id,
        hold,
        starts,
        ends,
        message: message.message(),
        goal,
        budget,
        stop_at,
        silenced_rules,
        steps: steps?,
    })
}

/// Returns the purpose that the campaign names, or else the only marketing purpose.
fn purpose<'a>(
    source: &SourceFile,
    definitions: &'a Definitions,
    file: &CampaignFile,
) -> Option<&'a Purpose> {
    let purposes = &definitions.purposes;
    match &file.purpose {
        Field::Present(name) if definitions.settings_incomplete && !purposes.contains_key(&name.value) => {
            None
        }
        Field::Present(name) => find_or_report(source, &PURPOSE, name, purposes),
        Field::Invalid => None,
        Field::Absent => {
            let is_broken = purposes.values().any(Option::is_none);
            let marketing: Vec<_> = purposes.values().flatten().filter(|it| it.is_marketing).collect();
            if let ([purpose], false) = (marketing.as_slice(), is_broken) {
                return Some(purpose);
            }
            if !is_broken && !definitions.settings_incomplete {
                missing_purpose(source, purposes);
            }
            None
        }
    }
}

/// Reports that the campaign has to name one of several purposes.
fn missing_purpose(source: &SourceFile, purposes: &Registry<Purpose>) {
    let names: Vec<_> = purposes.keys().map(|name| format!("`{name}`")).collect();
    let first = purposes.keys().next().map_or("news", String::as_str);
    let message = "`purpose` is missing, and chorus.toml has no single marketing purpose";
    let help = format!("Add a line such as `purpose = \"{first}\"`. There are {}.", names.join(", "));
    source.error("missing-purpose", None, message, help);
}

/// Reads the id that the campaign had before. The module `load` compares the `was` of different
/// files.
fn previous_id(source: &SourceFile, definitions: &Definitions, file: &CampaignFile) -> Option<CampaignId> {
    let was = file.was.get()?;
    let help = "Write the name that this file had before, without `.toml`.";
    let id = source.ok_or_report("bad-name", &was.span, CampaignId::parse(was), "`was`", help)?;
    if source.file.file_stem().is_some_and(|own| own == id.as_str()) {
        let message = "`was` is this campaign's own name";
        source.error(
            "was-itself",
            was.span.clone(),
            message,
            "Write the name it had before, or take `was` out.",
        );
        return None;
    }
    if definitions.campaigns.contains(id.as_str()) {
        let message = format!("`was` names the campaign `{id}`, which is still there");
        let help = format!(
            "Take `was` out, or the file campaigns/{id}.toml: only one of them can have that history."
        );
        source.error("was-still-there", was.span.clone(), message, help);
        return None;
    }
    Some(id)
}

fn owner(source: &SourceFile, file: &CampaignFile) -> Option<EmailAddress> {
    let text = file.owner.get()?;
    let help = "Write an address such as `growth@harbour.example`.";
    let subject = "`owner` is not an e-mail address";
    source.ok_or_report("bad-email", &text.span, EmailAddress::parse(text), subject, help)
}

/// Reads `starts` and `ends`, in that order.
fn bounds(
    source: &SourceFile,
    definitions: &Definitions,
    file: &CampaignFile,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let bound =
        |key: &str, field: &Field<Scalar>, instant: fn(DateOrTime, &TimeZone) -> Option<Timestamp>| {
            let text = field.get()?;
            let help = format!(
                "Write a date, or a date and time: `{key} = 2027-03-01` or `{key} = 2027-03-01T09:00:00`."
            );
            let when = text.as_date().ok_or(BadDate::NotADate).and_then(date_time::parse);
            let when = when.and_then(|when| instant(when, &definitions.zone).ok_or(BadDate::OutOfCalendar));
            source.ok_or_report("bad-date", &text.span, when, &format!("`{key}`"), &help)
        };
    let starts = bound("starts", &file.starts, DateOrTime::first_instant);
    let ends = bound("ends", &file.ends, DateOrTime::last_instant);
    if let (Some(from), Some(to), Some(span)) = (starts, ends, file.ends.span())
        && to < from
    {
        let message = "the campaign ends before it starts";
        source.error("ends-before-start", span, message, "Change `starts` or `ends`.");
    }
    (starts, ends)
}

fn goal(source: &SourceFile, file: &CampaignFile) -> Option<Goal> {
    let goal: &Located<GoalFile> = file.goal.get()?;
    let event = source.require(&goal.event, "event", "event = \"purchase\"", Some(&goal.span));
    let event = event.and_then(|event| event_name(source, event));
    let window = duration_or_default(source, "window", &goal.window, DEFAULT_GOAL_WINDOW);
    Some(Goal { event: event?, target: goal.target.value().copied(), window: window? })
}

fn budget(source: &SourceFile, file: &CampaignFile) -> Option<Budget> {
    let budget: &Located<BudgetFile> = file.budget.get()?;
    let amount = source.require(&budget.amount, "amount", "amount = 20000", Some(&budget.span));
    let amount = amount.and_then(|amount| read_amount(source, "amount", amount));
    let currency = source.require(&budget.currency, "currency", "currency = \"CNY\"", Some(&budget.span));
    let currency = currency.and_then(|currency| read_currency(source, currency));
    Some(Budget { amount: amount?, currency: currency? })
}
