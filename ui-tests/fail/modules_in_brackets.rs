linkbus::modules!([linkbus]);

fn main() {}
