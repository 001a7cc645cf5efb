//! `/`: what is going out, and what does it earn?

mod figures;
mod handlers;
mod view;

use store::{OccurrenceRow, Run};

pub(crate) use self::figures::{PeriodFigures, Row};
use crate::upcoming::Upcoming;
pub(crate) use handlers::{OverviewQuery, get};

/// The data of the page.
pub(crate) struct Overview {
    period_figures: PeriodFigures,
    live: Vec<Run>,
    recent: Vec<Run>,
    upcoming: Vec<Upcoming>,
    did_not_run: Vec<OccurrenceRow>,
    contacts: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::PageContext;
    use crate::layout::AutoRefresh;
    use crate::layout::Section;
    use crate::period::Period;
    use crate::sample;

    fn shown(overview: &Overview, context: &PageContext, live: AutoRefresh) -> String {
        let page = context.layout(Section::Overview, live).page("Overview", &view::page(overview, context));
        page.text()
    }

    #[test]
    fn the_overview_answers_its_question() {
        let context = sample::context(sample::findings(), true);
        let before = sample::rollups().into_iter().take(3).collect::<Vec<_>>();
        let overview = Overview {
            period_figures: PeriodFigures::of(sample::rollups(), &before, &context, Period::Day),
            live: vec![sample::live_run()],
            recent: vec![sample::ended_run()],
            upcoming: context.upcoming(None, &[], 2, 6),
            did_not_run: sample::did_not_run(),
            contacts: 1_003,
        };
        let html = shown(&overview, &context, context.live(true, None, "/"));
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn an_empty_overview_says_what_to_do() {
        let context = sample::context(source::Diagnostics::default(), false);
        let overview = Overview {
            period_figures: PeriodFigures::of(vec![], &[], &context, Period::Day),
            live: vec![],
            recent: vec![],
            upcoming: vec![],
            did_not_run: vec![],
            contacts: 0,
        };
        let html = shown(&overview, &context, context.live(false, None, "/"));
        assert!(html.contains("chorus contacts import"), "{html}");
        insta::assert_snapshot!(html);
    }
}
