//! Columns as kubeadm prints them (Go `text/tabwriter`).

/// Least width of a column, and blanks behind the widest text in it.
const MIN_WIDTH: usize = 10;
const PADDING: usize = 3;

/// Lines whose cells stand below each other; the last cell of a row is as long as it is. All rows have as many cells as the
/// first one.
pub fn aligned(rows: &[&[String]]) -> String {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let columns = rows.first().map_or(0, |row| row.len().saturating_sub(1));
    let widths: Vec<_> = (0..columns)
        .map(|column| MIN_WIDTH.max(PADDING + cells(column).map(|text| text.chars().count()).max().unwrap_or_default()))
        .collect();
    let mut lines = String::new();
    for row in rows {
        for (text, width) in row.iter().zip(widths.iter().copied().chain([0])) {
            lines.push_str(text);
            lines.extend(std::iter::repeat_n(' ', width.saturating_sub(text.chars().count())));
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_widest_text() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["NAME", "A", "END"]), row(["a longer name", "ä", "e"])];
        let expected = "NAME            A         END\na longer name   ä         e\n";
        assert_eq!(aligned(&[&rows[0], &rows[1]]), expected);
        assert_eq!(aligned(&[]), "");
    }
}
