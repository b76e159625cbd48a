//! Tables for people: plain columns, amounts to the right.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// A table with these columns; those in `right`, counted from 0, are aligned to the right.
#[must_use]
pub(crate) fn render<R, C>(header: &[&str], rows: R, right: &[usize]) -> String
where
    R: IntoIterator,
    R::Item: IntoIterator<Item = C>,
    C: Into<String>,
{
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let cell = |place: usize, text: String| {
        let side = if right.contains(&place) { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    table
        .set_header(header.iter().enumerate().map(|(place, text)| cell(place, (*text).to_owned())));
    for row in rows {
        let row = row.into_iter().enumerate();
        table.add_row(row.map(|(place, text)| cell(place, text.into())));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
