use linkbus::Event;

#[derive(Event)]
enum Moved {
    #[bus(secret)]
    Left(u32),
    Right,
}

fn main() {}
