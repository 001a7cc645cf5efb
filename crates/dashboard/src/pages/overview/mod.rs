//! `/`: what is going out, and what does it earn?

mod figures;
mod handlers;
mod view;

use store::{OccurrenceRow, Run};

pub(crate) use self::figures::{Earned, Row};
use crate::upcoming::Upcoming;
pub(crate) use handlers::{Asked, get};

/// What stands on the page.
pub(crate) struct Overview {
    earned: Earned,
    live: Vec<Run>,
    recent: Vec<Run>,
    upcoming: Vec<Upcoming>,
    did_not_run: Vec<OccurrenceRow>,
    contacts: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Scene;
    use crate::period::Period;
    use crate::sample;
    use crate::shell::Live;
    use crate::shell::Section;

    fn shown(overview: &Overview, scene: &Scene, live: Live) -> String {
        let page = scene.shell(Section::Overview, live).page("Overview", &view::page(overview, scene));
        page.text()
    }

    #[test]
    fn the_overview_answers_its_question() {
        let scene = sample::scene(sample::findings(), true);
        let before = sample::rollups().into_iter().take(3).collect::<Vec<_>>();
        let overview = Overview {
            earned: Earned::of(sample::rollups(), &before, &scene, Period::Day),
            live: vec![sample::live_run()],
            recent: vec![sample::ended_run()],
            upcoming: scene.upcoming(None, &[], 2, 6),
            did_not_run: sample::did_not_run(),
            contacts: 1_003,
        };
        let html = shown(&overview, &scene, scene.live(true, None, "/"));
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn an_empty_overview_says_what_to_do() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let overview = Overview {
            earned: Earned::of(vec![], &[], &scene, Period::Day),
            live: vec![],
            recent: vec![],
            upcoming: vec![],
            did_not_run: vec![],
            contacts: 0,
        };
        let html = shown(&overview, &scene, scene.live(false, None, "/"));
        assert!(html.contains("chorus contacts import"), "{html}");
        insta::assert_snapshot!(html);
    }
}
