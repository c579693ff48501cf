use linkbus::{Bus, Query};
use std::rc::Rc;

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

fn main() {
    let open = |_: IsOpen| async {
        let open = Rc::new(true);
        std::future::ready(()).await;
        *open
    };
    let _ = Bus::empty().query_async(open).build();
}
