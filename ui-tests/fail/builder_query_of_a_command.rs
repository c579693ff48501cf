use linkbus::{Bus, Command};

#[derive(Command)]
struct Open;

fn main() {
    let _ = Bus::empty().query(|_: Open| ()).build();
}
