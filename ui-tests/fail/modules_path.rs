linkbus::modules!(linkbus::roles);

fn main() {}
