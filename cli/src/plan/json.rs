//! A plan for programs.

use serde::Serialize;

use super::{Line, Plan, Verdict};
use crate::{display::visible_json, reading::Problems};

#[derive(Serialize)]
struct Planned<'a> {
    dispatched: Vec<Messages<'a>>,
    nested: u64,
    not_replayable: Vec<Messages<'a>>,
    damaged_lines: u64,
    dropped_records: u64,
    torn_ends: u64,
}

/// `message` and `kind` are `null` for those that have no line of their own.
#[derive(Serialize)]
struct Messages<'a> {
    message: Option<&'a str>,
    kind: Option<&'static str>,
    count: u64,
    /// `redacted`, or why there is no payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

pub(super) fn of(plan: &Plan, problems: &Problems) -> String {
    let [dispatched, not_replayable] = plan.parts().map(|lines| lines.into_iter().map(messages).collect());
    let planned = Planned {
        dispatched,
        nested: plan.nested,
        not_replayable,
        damaged_lines: problems.damaged,
        dropped_records: problems.dropped,
        torn_ends: problems.torn_ends,
    };
    let json = serde_json::to_string(&planned).unwrap_or_else(|_| unreachable!("texts and numbers are JSON"));
    format!("{}\n", visible_json(&json))
}

fn messages<'a>(((verdict, message), count): (&'a Line, &u64)) -> Messages<'a> {
    Messages {
        message: message.as_ref().map(|(_, name)| &**name),
        kind: message.as_ref().map(|(kind, _)| kind.label()),
        count: *count,
        why: match verdict {
            Verdict::Dispatched => None,
            Verdict::NoPayload(why) => Some(why),
            Verdict::Redacted => Some("redacted"),
        },
    }
}
