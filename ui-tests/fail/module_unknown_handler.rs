fn open() {}

linkbus::module!(handlers: [open]);

fn main() {}
