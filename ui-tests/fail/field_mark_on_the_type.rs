use linkbus::Event;

#[derive(Event)]
#[bus(secret)]
struct Moved {
    from: u32,
}

fn main() {}
