use linkbus::{Message, handler};

#[handler]
fn log<M: Message>(message: M) {
    drop(message);
}

fn main() {}
