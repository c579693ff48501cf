use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[derive(Command)]
struct Close;

#[handler(retry(max = 0))]
fn open(_: &Open) {}

#[handler(retry(max = "5"))]
fn close(_: &Close) {}

fn main() {}
