//! The conversion funnel: how many deliveries reach each stage from sent to converted.

use serde::Serialize;

use crate::counts::Counts;
use crate::figures::Base;
use crate::proportion::Proportion;

/// A stage on the way from sent to converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// The relay or platform accepted the message.
    Sent,
    /// A delivery report says that the message arrived.
    Delivered,
    /// A person opened the message.
    Opened,
    /// A person clicked a link of the message.
    Clicked,
    /// The message led to a conversion.
    Converted,
}

/// A stage of the funnel with its count and shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// The name of the stage.
    pub name: StageName,
    /// Number of deliveries that reached this stage; at [`StageName::Converted`], of conversions.
    pub count: i64,
    /// Share of the first stage's count.
    pub of_first: Proportion,
    /// Share of the previous stage's count; at the first stage, of its own.
    pub of_previous: Proportion,
}

/// The stages sent → delivered → opened → clicked → converted. Without delivery reports (see
/// [`Base`]) there is no stage `delivered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// The stages, in order; four or five.
    pub stages: Vec<Stage>,
}

impl Funnel {
    /// Computes the funnel of deliveries to people.
    #[must_use]
    pub fn of(counts: &Counts) -> Self {
        let all = [
            (StageName::Sent, counts.sent),
            (StageName::Delivered, counts.delivered),
            (StageName::Opened, counts.opened),
            (StageName::Clicked, counts.clicked),
            (StageName::Converted, counts.converted),
        ];
        let reported = Base::of(counts) == Base::Delivered;
        let mut previous = counts.sent;
        let stages = all.into_iter().filter(|(name, _)| reported || *name != StageName::Delivered).map(
            |(name, count)| {
                let of_previous = Proportion::new(count, std::mem::replace(&mut previous, count));
                Stage { name, count, of_first: Proportion::new(count, counts.sent), of_previous }
            },
        );
        Self { stages: stages.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(funnel: &Funnel) -> Vec<StageName> {
        funnel.stages.iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn each_stage_has_shares_of_the_first_and_the_previous() {
        let counts = Counts {
            sent: 1_000,
            delivered: 980,
            opened: 490,
            clicked: 98,
            converted: 7,
            ..Counts::default()
        };
        let funnel = Funnel::of(&counts);
        assert_eq!(
            names(&funnel),
            [
                StageName::Sent,
                StageName::Delivered,
                StageName::Opened,
                StageName::Clicked,
                StageName::Converted
            ]
        );
        assert_eq!(funnel.stages[3].of_first, Proportion::new(98, 1_000));
        assert_eq!(funnel.stages[3].of_previous, Proportion::new(98, 490));
        assert_eq!(funnel.stages[0].of_previous, Proportion::new(1_000, 1_000));
    }

    #[test]
    fn without_delivery_reports_opened_follows_sent() {
        let funnel = Funnel::of(&Counts { sent: 10, opened: 5, ..Counts::default() });
        assert_eq!(names(&funnel)[..2], [StageName::Sent, StageName::Opened]);
        assert_eq!(funnel.stages[1].of_previous, Proportion::new(5, 10));
    }
}
