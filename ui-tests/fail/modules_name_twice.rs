linkbus::modules!(linkbus, thiserror, linkbus);

fn main() {}
