use linkbus::Command;

#[derive(Command)]
struct Rename<'a> {
    name: &'a str,
}

fn main() {}
