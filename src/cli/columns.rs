//! Tables without lines, for `list` and `flaws`.

use clap::ValueEnum;

use crate::report::Paint;

/// `--format` of commands that show what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Rows below a heading, each column as wide as its widest cell; the last one is not padded. Cells are from suites, and
/// so are made visible by the caller where they may hold anything.
pub fn columns<const N: usize>(heading: [&str; N], rows: &[[String; N]], paint: Paint) -> String {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if at > 0 {
                line.push_str("  ");
            }
            let width = if at + 1 == N { 0 } else { width };
            line.push_str(&format!("{cell:width$}"));
        }
        line.truncate(line.trim_end().len());
        line
    };
    let bold = anstyle::Style::new().bold();
    let mut out = match paint {
        Paint::Plain => format!("{}\n", line(heading)),
        Paint::Colour => format!("{bold}{}{bold:#}\n", line(heading)),
    };
    for row in rows {
        out.push_str(&line(row.each_ref().map(String::as_str)));
        out.push('\n');
    }
    out
}
