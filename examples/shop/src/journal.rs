//! What the modules do, one line each: `  stock          reserves 2 mug for o-1`.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Prints what the modules tell `tracing`: no time, no colour, so that equal runs print equal bytes.
pub fn print_journal() {
    tracing_subscriber::fmt().event_format(Journal).with_max_level(Level::INFO).init();
}

struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        write!(line, "  {:<13}  ", part(metadata.target()))?;
        if *metadata.level() < Level::INFO {
            write!(line, "{}: ", metadata.level())?;
        }
        context.format_fields(line.by_ref(), event)?;
        writeln!(line)
    }
}

/// The module of the shop: the crate or, in the program itself, the module of the crate.
fn part(target: &str) -> &str {
    let path = target.strip_prefix("shop::").unwrap_or(target);
    path.split("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_line_is_headed_by_the_module() {
        assert_eq!(part("orders::placing"), "orders");
        assert_eq!(part("shop::mailer"), "mailer");
    }
}
