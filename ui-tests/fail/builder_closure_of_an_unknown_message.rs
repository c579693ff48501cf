use linkbus::Bus;

struct IsOpen;

fn main() {
    let _ = Bus::empty().query(|_: IsOpen| true).build();
}
