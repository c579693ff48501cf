//! What the user asked for.

pub(crate) const USAGE: &str = "\
usage: cargo xtask ci [STEP...]    run every step of CI, or the named ones
       cargo xtask list            say what each step is for
       cargo xtask bench           count what a dispatch costs (with valgrind), and time what 700 messages cost
";

#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    /// The names of the steps to run; none means all.
    Ci(Vec<String>),
    List,
    Bench,
    Help,
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Request, String> {
    match words.next().as_deref() {
        Some("ci") => Ok(Request::Ci(words.collect())),
        Some("list") => Ok(Request::List),
        Some("bench") => Ok(Request::Bench),
        None | Some("help" | "--help" | "-h") => Ok(Request::Help),
        Some(other) => Err(format!("`{other}` is not a command of xtask\n{USAGE}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn words_after_ci_are_step_names() {
        assert_eq!(parsed("ci fmt test"), Ok(Request::Ci(vec!["fmt".into(), "test".into()])));
        assert_eq!(parsed("ci"), Ok(Request::Ci(vec![])));
    }

    #[test]
    fn no_word_asks_for_help() {
        assert_eq!(parsed(""), Ok(Request::Help));
    }

    #[test]
    fn an_unknown_word_is_named_and_the_usage_is_shown() {
        let message = parsed("cii").unwrap_err();
        assert!(message.contains("`cii`") && message.contains(USAGE), "{message}");
    }
}
