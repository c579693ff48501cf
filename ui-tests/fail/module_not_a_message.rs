struct Open;

linkbus::module!(messages: [Open]);

fn main() {}
