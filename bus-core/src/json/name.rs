//! A name in all the forms that `#[serde(rename_all = "..")]` may give it.

use std::cmp::Ordering;

/// A name without letter case (ASCII), `_` and `-`: `passWord`, `PASS_WORD` and `pass-word` are one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(Box<[u8]>);

impl Name {
    pub(super) fn of(name: &str) -> Self {
        Name(letters(name).collect())
    }

    /// Where this name stands beside one that is not taken apart yet.
    pub(super) fn cmp_to(&self, name: &str) -> Ordering {
        self.0.iter().copied().cmp(letters(name))
    }
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_all_forms() {
        for form in ["pass_word", "PassWord", "passWord", "PASS_WORD", "pass-word", "PASS-WORD", "password", "PASSWORD"]
        {
            assert_eq!(Name::of("pass_word").cmp_to(form), Ordering::Equal, "{form}");
        }
        assert_eq!(Name::of("password").cmp_to("pass_words"), Ordering::Less);
        assert_eq!(Name::of("password").cmp_to("pass"), Ordering::Greater);
    }
}
