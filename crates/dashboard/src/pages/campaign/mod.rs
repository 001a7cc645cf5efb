//! `/campaigns/{id}`: how is one campaign doing?

mod handlers;
mod markdown;
mod view;

use std::collections::BTreeMap;

use campaign::{Campaign, CampaignId};
use insight::{Counts, Figures};
use store::{OccurrenceRow, RollupRow, Run};

use crate::parts::Scene;
use crate::rollup::{counts_of, grouped};
use crate::upcoming::Upcoming;
pub(crate) use handlers::get;

/// What stands on the page.
pub(crate) struct CampaignPage {
    id: String,
    /// `None`: its file is gone, or has errors.
    campaign: Option<Campaign>,
    total: Counts,
    /// By step and channel.
    steps: BTreeMap<(String, String), Figures>,
    runs: Vec<Run>,
    upcoming: Vec<Upcoming>,
    did_not_run: Vec<OccurrenceRow>,
    has_outbox: bool,
}

impl CampaignPage {
    /// `None` when neither a file nor a row knows the campaign.
    fn of(id: &CampaignId, rows: &[RollupRow], runs: Vec<Run>, scene: &Scene) -> Option<Self> {
        let campaign = scene.workspace().campaigns.get(id).cloned();
        if campaign.is_none() && runs.is_empty() && rows.is_empty() {
            return None;
        }
        let steps = grouped(rows, |row| (row.step.clone(), row.channel.clone()));
        let steps = steps.into_iter().map(|(key, counts)| {
            let figures = scene.figures(&key.1, &counts);
            (key, figures)
        });
        let outboxes = scene.workspace().channels.values();
        Some(Self {
            id: id.to_string(),
            campaign,
            total: counts_of(rows),
            steps: steps.collect(),
            upcoming: scene.upcoming(Some(id), &runs, 4, 30),
            runs,
            did_not_run: Vec::new(),
            has_outbox: outboxes.into_iter().any(|channel| channel.kind.name() == "outbox"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::shell::Section;

    #[test]
    fn a_campaign_says_how_it_is_doing() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let id = CampaignId::parse("spring-tide").unwrap();
        let mut rows = sample::rollups();
        rows.retain(|row| row.campaign == id.as_str());
        let page = CampaignPage::of(&id, &rows, vec![sample::live_run()], &scene).unwrap();
        let shell = scene.shell(Section::Overview, scene.live(true, None, "/campaigns/spring-tide"));
        insta::assert_snapshot!(shell.page("Spring Tide", &view::page(&page, &scene)).text());
    }

    #[test]
    fn what_did_not_run_and_what_a_worker_does_not_do_stand_on_the_page() {
        let mut scene = sample::scene(source::Diagnostics::default(), false);
        scene.noted = vec![("host-7".to_owned(), "it plans nothing: <other> files".to_owned())];
        let id = CampaignId::parse("spring-tide").unwrap();
        let mut page = CampaignPage::of(&id, &[], vec![sample::live_run()], &scene).unwrap();
        page.did_not_run = sample::did_not_run();
        let shell = scene.shell(Section::Overview, scene.live(true, None, "/campaigns/spring-tide"));
        let text = shell.page("Spring Tide", &view::page(&page, &scene)).text();
        assert!(text.contains("Worker host-7: it plans nothing: &lt;other&gt; files."), "{text}");
        assert!(text.contains("id=\"did-not-run\"") && text.contains("/fire\""), "{text}");
    }

    #[test]
    fn figures_outlive_their_file() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let id = CampaignId::parse("gone").unwrap();
        assert!(CampaignPage::of(&id, &[], vec![], &scene).is_none());
        let page = CampaignPage::of(&id, &sample::rollups(), vec![], &scene).unwrap();
        let html = view::page(&page, &scene).0;
        assert!(html.contains(crate::words::NO_FILE) && html.contains("reminder").eq(&false), "{html}");
    }
}
