//! `/campaigns/{id}`: how is one campaign doing?

mod handlers;
mod markdown;
mod view;

use std::collections::BTreeMap;

use campaign::{Campaign, CampaignId};
use insight::{Counts, Figures};
use store::{OccurrenceRow, RollupRow, Run};

use crate::components::PageContext;
use crate::rollup::{counts_of, grouped};
use crate::upcoming::Upcoming;
pub(crate) use handlers::get;

/// The data of the page.
pub(crate) struct CampaignPage {
    id: String,
    /// The campaign's file; `None` if it is gone or has errors.
    campaign: Option<Campaign>,
    total: Counts,
    /// The figures by step and channel.
    steps: BTreeMap<(String, String), Figures>,
    runs: Vec<Run>,
    upcoming: Vec<Upcoming>,
    did_not_run: Vec<OccurrenceRow>,
    has_outbox: bool,
}

impl CampaignPage {
    /// Returns the page; `None` if neither a file nor a row of the campaign exists.
    fn of(id: &CampaignId, rows: &[RollupRow], runs: Vec<Run>, context: &PageContext) -> Option<Self> {
        let campaign = context.workspace().campaigns.get(id).cloned();
        if campaign.is_none() && runs.is_empty() && rows.is_empty() {
            return None;
        }
        let steps = grouped(rows, |row| (row.step.clone(), row.channel.clone()));
        let steps = steps.into_iter().map(|(key, counts)| {
            let figures = context.figures(&key.1, &counts);
            (key, figures)
        });
        let outboxes = context.workspace().channels.values();
        Some(Self {
            id: id.to_string(),
            campaign,
            total: counts_of(rows),
            steps: steps.collect(),
            upcoming: context.upcoming(Some(id), &runs, 4, 30),
            runs,
            did_not_run: Vec::new(),
            has_outbox: outboxes.into_iter().any(|channel| channel.kind.name() == "outbox"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Section;
    use crate::sample;

    #[test]
    fn a_campaign_says_how_it_is_doing() {
        let context = sample::context(source::Diagnostics::default(), false);
        let id = CampaignId::parse("spring-tide").unwrap();
        let mut rows = sample::rollups();
        rows.retain(|row| row.campaign == id.as_str());
        let page = CampaignPage::of(&id, &rows, vec![sample::live_run()], &context).unwrap();
        let layout = context.layout(Section::Overview, context.live(true, None, "/campaigns/spring-tide"));
        insta::assert_snapshot!(layout.page("Spring Tide", &view::page(&page, &context)).text());
    }

    #[test]
    fn occurrences_that_did_not_run_and_worker_notes_are_shown() {
        let mut context = sample::context(source::Diagnostics::default(), false);
        context.worker_notes = vec![("host-7".to_owned(), "it plans nothing: <other> files".to_owned())];
        let id = CampaignId::parse("spring-tide").unwrap();
        let mut page = CampaignPage::of(&id, &[], vec![sample::live_run()], &context).unwrap();
        page.did_not_run = sample::did_not_run();
        let layout = context.layout(Section::Overview, context.live(true, None, "/campaigns/spring-tide"));
        let text = layout.page("Spring Tide", &view::page(&page, &context)).text();
        assert!(text.contains("Worker host-7: it plans nothing: &lt;other&gt; files."), "{text}");
        assert!(text.contains("id=\"did-not-run\"") && text.contains("/fire\""), "{text}");
    }

    #[test]
    fn figures_outlive_their_file() {
        let context = sample::context(source::Diagnostics::default(), false);
        let id = CampaignId::parse("gone").unwrap();
        assert!(CampaignPage::of(&id, &[], vec![], &context).is_none());
        let page = CampaignPage::of(&id, &sample::rollups(), vec![], &context).unwrap();
        let html = view::page(&page, &context).0;
        assert!(html.contains(crate::words::NO_FILE) && html.contains("reminder").eq(&false), "{html}");
    }
}
