//! In private modules, in functions, in modules that a macro writes, twice under one name; the message elsewhere.

use linkbus::{Event, handler};

mod contracts {
    #[derive(linkbus::Event)]
    pub struct Opened;
}

mod doors {
    use super::contracts::Opened;

    #[linkbus::handler]
    pub(in crate::doors) fn opened(_: &Opened) {}

    mod front {
        #[linkbus::handler]
        fn opened(_: &crate::contracts::Opened) {}
    }
}

macro_rules! subscriber {
    ($module:ident, $message:ty) => {
        mod $module {
            use super::*;

            #[handler]
            fn opened(_: &$message) {}

            #[handler]
            async fn opened_later(_: &$message, bus: &linkbus::Bus, context: &linkbus::Context, number: &u8) {
                let _ = (bus, context, number);
            }

            pub fn both() {
                #[handler]
                fn opened(_: &$message) {}
            }
        }
    };
}

subscriber!(first, contracts::Opened);
subscriber!(second, crate::contracts::Opened);

macro_rules! message {
    ($name:ident { $($field:ident: $type:ty),* }) => {
        #[derive(Event)]
        struct $name {
            $(#[bus(secret)] $field: $type),*
        }
    };
}

message!(Closed { by: String, at: u64 });

fn main() {
    #[derive(Event)]
    struct Local;

    #[handler]
    fn local(_: &Local) {}

    local(&Local);
    let closed = Closed { by: String::new(), at: 0 };
    let _ = (closed.by, closed.at);
    first::both();
    second::both();
    let bus = linkbus::Bus::builder().provide(7_u8).build().unwrap();
    assert_eq!(bus.wiring().to_string().matches("opened").count(), 8);
}
