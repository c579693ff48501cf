//! Longer texts: a page for each fault that building a bus can report.
//!
//! | code | what is wrong |
//! |---|---|
//! | [`BUS001`](bus001) | a query, command or task has several handlers |
//! | [`BUS002`](bus002) | a query, command or task has no handler |
//! | [`BUS003`](bus003) | a handler asks for a value that was not provided |
//! | [`BUS004`](bus004) | two message types have one wire name |
//! | [`BUS005`](bus005) | a `SyncBus` is given an `async` handler |
//! | [`BUS006`](bus006) | nothing arrived from a crate that `modules!` names |
//! | [`BUS007`](bus007) | nothing at all is linked |
//! | [`BUS008`](bus008) | a crate is in Cargo.toml, and no code names it |
//! | [`BUS009`](bus009) | a handler asks for the other kind of bus |
//! | [`BUS010`](bus010) | there is nothing to replace |
//! | [`BUS011`](bus011) | a type was provided twice |
//! | [`BUS012`](bus012) | a bus is built of a module that has nothing |

macro_rules! pages {
    ($($page:ident $file:literal)*) => {
        $(
            #[doc = include_str!(concat!("../docs/faults/", $file))]
            pub mod $page {}
        )*
    };
}

pages! {
    bus001 "BUS001.md"
    bus002 "BUS002.md"
    bus003 "BUS003.md"
    bus004 "BUS004.md"
    bus005 "BUS005.md"
    bus006 "BUS006.md"
    bus007 "BUS007.md"
    bus008 "BUS008.md"
    bus009 "BUS009.md"
    bus010 "BUS010.md"
    bus011 "BUS011.md"
    bus012 "BUS012.md"
}

/// A page for each layer that comes with linkbus.
pub mod layers {
    #[cfg(feature = "file-store")]
    #[doc = include_str!("../docs/layers/dead_letters.md")]
    pub mod dead_letters {}
}
