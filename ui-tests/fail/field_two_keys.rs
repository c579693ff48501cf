use linkbus::Event;

#[derive(Event)]
struct Moved {
    #[bus(key)]
    from: u32,
    #[bus(key)]
    to: u32,
}

fn main() {}
