use linkbus::handler;

#[handler]
fn log(event: &dyn std::any::Any) {
    let _ = event;
}

fn main() {}
