//! Which channel says which fact, as a table.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a channel says of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// The fact.
    Said,
    /// Something else: these words.
    SaidOtherwise(String),
    /// Nothing.
    Unsaid,
    /// Not the fact, and somebody answers for that with this reason.
    Silenced(String),
}

/// One channel as a step uses it, in one language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Column {
    /// The step.
    pub step: String,
    /// The channel.
    pub channel: String,
    /// The language tag.
    pub language: String,
}

/// Fact × channel. As JSON: `{"facts": [name …], "columns": [{step, channel, language} …], "cells": [[cell …] …]}`,
/// a row of cells for each fact, in the order of the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The rows: names of facts, in order.
    pub facts: Vec<String>,
    /// The columns, in the order they were added.
    pub columns: Vec<Column>,
    /// A row for each fact, a cell for each column.
    pub cells: Vec<Vec<Cell>>,
}

impl Matrix {
    /// An empty table with a row for each fact.
    #[must_use]
    pub fn new(facts: impl IntoIterator<Item = String>) -> Self {
        let mut facts: Vec<_> = facts.into_iter().collect();
        facts.sort();
        facts.dedup();
        Self { cells: vec![Vec::new(); facts.len()], facts, columns: Vec::new() }
    }

    /// Adds what one channel says. A fact that is not among `cells` is not said.
    pub fn add(&mut self, column: Column, cells: &BTreeMap<String, Cell>) {
        self.columns.push(column);
        for (name, row) in self.facts.iter().zip(&mut self.cells) {
            row.push(cells.get(name).cloned().unwrap_or(Cell::Unsaid));
        }
    }

    /// What stands in a column of a fact's row.
    #[must_use]
    pub fn cell(&self, fact: &str, column: usize) -> Option<&Cell> {
        let row = self.facts.iter().position(|name| name == fact)?;
        self.cells.get(row)?.get(column)
    }
}
