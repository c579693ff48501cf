use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[derive(Command)]
struct Close;

#[derive(Command)]
struct Lock;

#[handler(retry(max = 5, base = "1s", max = 4))]
fn open(_: &Open) {}

#[handler(retry, timeout = "1s", retry(max = 5))]
fn close(_: &Close) {}

#[handler(timeout = "1s", timeout = "2s")]
fn lock(_: &Lock) {}

fn main() {}
