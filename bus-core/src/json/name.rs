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

/// Names, each once.
#[derive(Default)]
pub(super) struct Names(Vec<Name>);

impl Names {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which of them `name` is, counted from 0.
    #[inline]
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|own| own.cmp_to(name)).ok()
    }

    /// Whether `name` is one of them.
    #[inline]
    pub(super) fn contains(&self, name: &str) -> bool {
        self.place(name).is_some()
    }
}

impl<'n> FromIterator<&'n str> for Names {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let mut names: Vec<_> = names.into_iter().map(Name::of).collect();
        names.sort_unstable();
        names.dedup();
        Names(names)
    }
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
