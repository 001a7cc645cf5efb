mod facets;
mod folds;
mod lengths;
mod messages;
mod properties;
