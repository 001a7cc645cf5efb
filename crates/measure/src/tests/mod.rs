//! The measures, against vectors of the networks and what must hold for all texts.

mod facets;
mod folds;
mod lengths;
mod messages;
mod properties;
