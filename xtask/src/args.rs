//! What the user asked for.

pub(crate) const USAGE: &str = "\
usage: cargo xtask ci [STEP...]    run every step of CI, or the named ones
       cargo xtask list            say what each step is for
       cargo xtask bench           measure linkbus and what else could be used, and write benches/results
       cargo xtask bench --quick   the same in minutes: worse figures, which are not kept
       cargo xtask bench count     count what a dispatch costs (with valgrind), and time how 700 messages start
       cargo xtask bench profiles  count what a send costs with LTO, with strict-link and beside medi-rs (with valgrind)
       cargo xtask bench build     measure what 10, 100 and 700 messages cost to build; takes long
       cargo xtask bench accept    keep the instructions of today as those that `ci instructions` compares with
";

#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    /// The names of the steps to run; none means all.
    Ci(Vec<String>),
    List,
    Bench(Bench),
    Help,
}

/// What is to be measured.
#[derive(Debug, PartialEq)]
pub(crate) enum Bench {
    /// linkbus beside its peers.
    Peers(Care),
    /// What a dispatch and layers cost, and the start of 700 messages.
    Count,
    /// What a dispatch costs in other profiles.
    Profiles,
    /// What messages cost to build.
    Build,
    /// The instructions that the step `instructions` compares with.
    Accept,
}

/// How well it is measured.
#[derive(Debug, PartialEq)]
pub(crate) enum Care {
    Full,
    Quick,
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Request, String> {
    match words.next().as_deref() {
        Some("ci") => Ok(Request::Ci(words.collect())),
        Some("list") => Ok(Request::List),
        Some("bench") => bench(words.next().as_deref()).map(Request::Bench),
        None | Some("help" | "--help" | "-h") => Ok(Request::Help),
        Some(other) => Err(format!("`{other}` is not a command of xtask\n{USAGE}")),
    }
}

fn bench(word: Option<&str>) -> Result<Bench, String> {
    match word {
        None => Ok(Bench::Peers(Care::Full)),
        Some("--quick") => Ok(Bench::Peers(Care::Quick)),
        Some("count") => Ok(Bench::Count),
        Some("profiles") => Ok(Bench::Profiles),
        Some("build") => Ok(Bench::Build),
        Some("accept") => Ok(Bench::Accept),
        Some(other) => Err(format!("`{other}` is nothing that can be measured\n{USAGE}")),
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
    fn the_word_after_bench_says_what_is_measured() {
        assert_eq!(parsed("bench"), Ok(Request::Bench(Bench::Peers(Care::Full))));
        assert_eq!(parsed("bench --quick"), Ok(Request::Bench(Bench::Peers(Care::Quick))));
        assert_eq!(parsed("bench count"), Ok(Request::Bench(Bench::Count)));
        assert_eq!(parsed("bench profiles"), Ok(Request::Bench(Bench::Profiles)));
        assert_eq!(parsed("bench build"), Ok(Request::Bench(Bench::Build)));
        assert!(parsed("bench quick").unwrap_err().contains("`quick`"));
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
