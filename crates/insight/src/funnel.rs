//! How many get how far.

use serde::Serialize;

use crate::counts::Counts;
use crate::figures::Base;
use crate::proportion::Proportion;

/// A stage on the way from sent to converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Accepted by the relay or platform.
    Sent,
    /// Reported as arrived.
    Delivered,
    /// Opened by a person.
    Opened,
    /// Clicked by a person.
    Clicked,
    /// Led to a conversion.
    Converted,
}

/// One stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Which.
    pub name: StageName,
    /// How many got here.
    pub count: i64,
    /// Of those at the first stage.
    pub of_first: Proportion,
    /// Of those at the stage before; at the first, of itself.
    pub of_previous: Proportion,
}

/// Sent → delivered → opened → clicked → converted. Without delivery reports (see [`Base`]) there is no stage
/// `delivered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// The stages, in order; at least four.
    pub stages: Vec<Stage>,
}

impl Funnel {
    /// The funnel of deliveries to people.
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
    fn each_stage_is_of_the_first_and_of_the_one_before() {
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
