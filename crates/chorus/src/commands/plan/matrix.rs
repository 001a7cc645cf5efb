//! The table of the facts that each channel states.

use channel::consistency::{FactStatus, Matrix};

use terminal::color;
use terminal::output;

/// Prints the matrix of a campaign, with a row for each step and language and a column for each
/// fact.
pub(super) fn print(campaign: &str, matrix: &Matrix) -> anyhow::Result<()> {
    if matrix.facts.is_empty() || matrix.columns.is_empty() {
        return Ok(());
    }
    output::line(format!("\nWhat each channel of {campaign} says of its facts:\n"))?;
    let headings: Vec<_> =
        ["step", "channel", "in"].into_iter().chain(matrix.facts.iter().map(String::as_str)).collect();
    let row = |(index, column): (usize, &channel::consistency::Column)| {
        let painted = |cell: &FactStatus| color::paint(cell, &cell_text(cell));
        let cells = matrix.cells.iter().map(|row| row.get(index).map_or_else(String::new, painted));
        [column.step.clone(), column.channel.clone(), column.language.clone()]
            .into_iter()
            .chain(cells)
            .collect()
    };
    output::table(&headings, matrix.columns.iter().enumerate().map(row))
}

/// Returns the text of a cell, as short as possible.
fn cell_text(cell: &FactStatus) -> String {
    match cell {
        FactStatus::Stated => "✓".to_owned(),
        FactStatus::Contradicted(words) => words.clone(),
        FactStatus::Missing => "–".to_owned(),
        FactStatus::Silenced(_) => "silenced".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_short() {
        let cells = [
            FactStatus::Stated,
            FactStatus::Contradicted("¥189".into()),
            FactStatus::Missing,
            FactStatus::Silenced("the poster says it".into()),
        ];
        assert_eq!(cells.map(|cell| cell_text(&cell)), ["✓", "¥189", "–", "silenced"]);
    }
}
