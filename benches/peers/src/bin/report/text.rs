//! Texts of which a part is written here.

use std::{fs, io, path::Path};

const BEGIN: &str = "<!-- from here on `cargo xtask bench` writes -->\n";
const END: &str = "<!-- until here -->\n";

/// Puts `written` between the marks of the file.
///
/// # Errors
/// If the file has no marks.
pub(crate) fn put_into(file: &Path, written: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let replaced = replaced(&text, written);
    let replaced = replaced.ok_or_else(|| {
        io::Error::other(format!("{}: write {BEGIN:?} and {END:?} where the table is to be", file.display()))
    })?;
    fs::write(file, replaced)
}

/// `None` if there are no marks.
fn replaced(text: &str, written: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{written}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let text = |between: &str| format!("before\n{BEGIN}{between}{END}after\n");
        assert_eq!(replaced(&text("old\n"), "new"), Some(text("\nnew\n")));
    }

    #[test]
    fn a_text_without_marks_is_left_alone() {
        assert_eq!(replaced("before\nafter\n", "new"), None);
        assert_eq!(replaced(BEGIN, "new"), None);
    }
}
