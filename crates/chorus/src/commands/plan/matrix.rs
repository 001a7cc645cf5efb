//! Which channel says which fact, as a table for people.

use channel::consistency::{Cell, Matrix};

use crate::output;

/// Prints the matrix of a campaign: a line for each step and language, a column for each fact.
pub(super) fn print(campaign: &str, matrix: &Matrix) -> anyhow::Result<()> {
    if matrix.facts.is_empty() || matrix.columns.is_empty() {
        return Ok(());
    }
    output::line(format!("\nWhat each channel of {campaign} says of its facts:\n"))?;
    let headings: Vec<_> =
        ["step", "channel", "in"].into_iter().chain(matrix.facts.iter().map(String::as_str)).collect();
    let row = |(index, column): (usize, &channel::consistency::Column)| {
        let said = matrix.cells.iter().map(|row| row.get(index).map_or_else(String::new, short));
        [column.step.clone(), column.channel.clone(), column.language.clone()]
            .into_iter()
            .chain(said)
            .collect()
    };
    output::table(&headings, matrix.columns.iter().enumerate().map(row).collect())
}

/// What a channel says of a fact, in as few signs as will do.
fn short(cell: &Cell) -> String {
    match cell {
        Cell::Said => "✓".to_owned(),
        Cell::SaidOtherwise(words) => words.clone(),
        Cell::Unsaid => "–".to_owned(),
        Cell::Silenced(_) => "silenced".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_short() {
        let cells = [
            Cell::Said,
            Cell::SaidOtherwise("¥189".into()),
            Cell::Unsaid,
            Cell::Silenced("the poster says it".into()),
        ];
        assert_eq!(cells.map(|cell| short(&cell)), ["✓", "¥189", "–", "silenced"]);
    }
}
