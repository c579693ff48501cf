linkbus::modules!(orders);

fn main() {}
