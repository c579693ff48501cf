use linkbus::{Event, handler};

#[handler]
fn log(event: &impl Event) {
    let _ = event;
}

fn main() {}
