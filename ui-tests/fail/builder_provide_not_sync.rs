use linkbus::Bus;
use std::cell::Cell;

fn main() {
    let _ = Bus::empty().provide(Cell::new(0)).build();
}
