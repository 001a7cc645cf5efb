//! The table of facts and channels, with a status in each cell.

use std::collections::BTreeMap;

use serde::Serialize;

/// The status of a fact in one channel's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactStatus {
    /// The text states the fact.
    #[serde(rename = "said")]
    Stated,
    /// The text contradicts the fact with these words.
    #[serde(rename = "said_otherwise")]
    Contradicted(String),
    /// The text does not mention the fact.
    #[serde(rename = "unsaid")]
    Missing,
    /// The text contradicts or misses the fact, and the campaign silences the finding for this
    /// reason.
    Silenced(String),
}

/// A column of the table: one step's text in one channel and language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Column {
    /// The identifier of the step.
    pub step: String,
    /// The identifier of the channel.
    pub channel: String,
    /// The BCP 47 language tag.
    pub language: String,
}

/// The statuses of all facts in all texts of a campaign. Its JSON is
/// `{"facts": [name …], "columns": [{step, channel, language} …], "cells": [[status …] …]}`, with a
/// row of cells for each fact, in the order of the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The names of the facts, sorted; one for each row.
    pub facts: Vec<String>,
    /// The columns, in the order in which they were added.
    pub columns: Vec<Column>,
    /// The rows, one for each fact, with a cell for each column.
    pub cells: Vec<Vec<FactStatus>>,
}

impl Matrix {
    /// Returns a table with a row for each of the named facts and no columns.
    #[must_use]
    pub fn new(facts: impl IntoIterator<Item = String>) -> Self {
        let mut facts: Vec<_> = facts.into_iter().collect();
        facts.sort();
        facts.dedup();
        Self { cells: vec![Vec::new(); facts.len()], facts, columns: Vec::new() }
    }

    /// Adds a column. A fact that is not in `cells` is [`FactStatus::Missing`].
    pub fn add(&mut self, column: Column, cells: &BTreeMap<String, FactStatus>) {
        self.columns.push(column);
        for (name, row) in self.facts.iter().zip(&mut self.cells) {
            row.push(cells.get(name).cloned().unwrap_or(FactStatus::Missing));
        }
    }

    /// Returns the status of a fact in the column with this index.
    #[must_use]
    pub fn cell(&self, fact: &str, column: usize) -> Option<&FactStatus> {
        let row = self.facts.iter().position(|name| name == fact)?;
        self.cells.get(row)?.get(column)
    }
}
