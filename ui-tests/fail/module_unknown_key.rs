linkbus::module!(events: []);

fn main() {}
