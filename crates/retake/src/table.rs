//! Tables for people: columns that line up, whatever script a prompt is written in.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::printer::printable;

/// Rows under their headings, columns two spaces apart.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = [headings.map(str::to_owned)]
        .into_iter()
        .chain(rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))))
        .collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].width()).max().unwrap_or_default()
    });
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line += cell;
            line += &" ".repeat(width - cell.width() + 2);
        }
        text += line.trim_end();
        text += "\n";
    }
    text
}

/// The beginning of a text, at most so many columns wide, on one line.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    let text = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if text.width() <= columns {
        return text;
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

/// A number of bytes in three or four signs.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let (mut amount, mut unit) = (count, 0);
    let mut rest = 0;
    while amount >= 1000 && unit + 1 < units.len() {
        (amount, rest) = (amount / 1000, amount % 1000 / 100);
        unit += 1;
    }
    match (unit, amount) {
        (0, _) | (_, 10..) => format!("{amount} {}", units[unit]),
        _ => format!("{amount}.{rest} {}", units[unit]),
    }
}

/// A time in its largest unit: `12 s`, `5 min`, `3 h`, `2 d`.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        6_000..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_around_wide_characters_and_controls() {
        let rows = [
            ["v1".to_owned(), "猫が走る".to_owned(), "x".to_owned()],
            ["video2".to_owned(), "a\u{1b}[2J".to_owned(), "y".to_owned()],
        ];

        let text = table(["ID", "PROMPT", "END"], &rows);

        insta::assert_snapshot!(text, @r"
        ID      PROMPT      END
        v1      猫が走る    x
        video2  a\u{1b}[2J  y
        ");
    }

    #[test]
    fn a_long_prompt_is_cut_at_its_width_not_its_bytes() {
        assert_eq!(shortened("a  dog\nruns", 20), "a dog runs");
        assert_eq!(shortened("猫が公園を走る", 8), "猫が公…");
        assert_eq!(shortened("e\u{301}e\u{301}e\u{301}", 3), "e\u{301}e\u{301}e\u{301}");
    }

    #[test]
    fn amounts_are_short() {
        let sizes = [0, 999, 1_000, 1_290, 12_900, 3_400_000_000].map(bytes);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "1.2 kB", "12 kB", "3.4 GB"]);
        assert_eq!([59, 100, 7_200, 200_000].map(span), ["59 s", "1 min", "2 h", "2 d"]);
    }
}
