//! What is kept of a measurement: a file in `benches/results`, and the same table in the prose that speaks of it.

use std::fs;
use std::path::Path;

/// A table, and where it is shown.
pub(super) struct Table {
    /// The name of its file, and what its place in a page is marked with.
    pub(super) name: &'static str,
    /// The page that shows it.
    pub(super) page: &'static str,
}

impl Table {
    /// Writes `rows` into both, and into the file how they were made.
    pub(super) fn keep(&self, rows: &str, how: &str) -> Result<(), String> {
        let file = format!("benches/results/{}.md", self.name);
        write(&file, &format!("{how}\n\n{rows}"))?;
        let page = fs::read_to_string(self.page).map_err(|error| format!("{}: {error}", self.page))?;
        let page = self.put(&page, rows).ok_or_else(|| format!("{} has no place for `{}`", self.page, self.name))?;
        write(self.page, &page)?;
        println!("wrote {file} and its table in {}", self.page);
        Ok(())
    }

    /// The page with `rows` between the marks; `None` without marks.
    fn put(&self, page: &str, rows: &str) -> Option<String> {
        let (begin, end) = (format!("<!-- begin {} -->\n", self.name), format!("<!-- end {} -->\n", self.name));
        let (before, rest) = page.split_once(&begin)?;
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}{begin}\n{}\n\n{end}{after}", rows.trim()))
    }
}

fn write(path: impl AsRef<Path>, text: &str) -> Result<(), String> {
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.as_ref().display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table { name: "build", page: "" };

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = "above\n<!-- begin build -->\nold\n<!-- end build -->\nbelow\n";
        let expected = "above\n<!-- begin build -->\n\n| new |\n\n<!-- end build -->\nbelow\n";
        assert_eq!(TABLE.put(page, "| new |\n").as_deref(), Some(expected));
    }

    #[test]
    fn a_page_without_marks_has_no_place() {
        assert_eq!(TABLE.put("<!-- begin other -->\n<!-- end other -->\n", "| new |"), None);
    }
}
