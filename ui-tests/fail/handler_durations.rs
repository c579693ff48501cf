use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[derive(Command)]
struct Close;

#[derive(Command)]
struct Lock;

#[derive(Command)]
struct Knock;

#[derive(Command)]
struct Ring;

#[handler(timeout = 2)]
fn open(_: Open) {}

#[handler(timeout = "2")]
fn close(_: &Close) {}

#[handler(timeout = "0s")]
fn lock(_: &Lock) {}

#[handler(retry(base = "50 ms", cap = "0.5ns"))]
fn knock(_: &Knock) {}

#[handler(retry(cap = "99999999999999999999h"))]
fn ring(_: &Ring) {}

fn main() {}
