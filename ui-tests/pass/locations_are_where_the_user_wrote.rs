//! `file:line` of facts: the function's own line, not the attribute's; for macro_rules, where the macro was called.

use linkbus::{Bus, Event, Message, handler, handlers};

#[derive(Event)]
/// Says so.
struct Said; // line 7

#[handler]
/// Hears.
fn hears(_: &Said) {} // line 11

macro_rules! hear {
    ($name:ident) => {
        #[handler]
        async fn $name(_: &Said, _: &linkbus::Bus) {}

        mod inside {
            #[linkbus::handler]
            fn hears(_: &super::Said) {}
        }
    };
}

hear!(also_hears); // line 25

struct Ear;

#[handlers]
impl Ear {
    #[handler]
    async fn hears(&self, _: &Said) {} // line 32
}

fn main() {
    assert_eq!(Said::FACTS.location.line, 7);
    assert!(Said::FACTS.location.file.ends_with("locations_are_where_the_user_wrote.rs"));
    let bus = Bus::builder().provide(Ear).build().unwrap();
    let wiring = bus.wiring().to_string();
    for place in ["rs:11", "rs:25", "rs:32"] {
        assert!(wiring.contains(place), "{place} in {wiring}");
    }
}
