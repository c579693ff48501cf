use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[derive(Command)]
struct Close;

#[handler(retry(max = 5))]
fn open(_: Open) {}

/// No second attempt, no copy.
#[handler(retry(max = 1))]
fn close(_: Close) {}

fn main() {}
