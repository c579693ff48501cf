//! Longer texts: a page for each fault that building a bus can report, [one for each layer](layers), [one on
//! recording](recording), [one on testing](testing), [one on how a dispatch works and what it costs](dispatch), [one on the
//! feature `strict-link`](strict_link), and [one on the way from one process to many machines](scaling_out).
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
//! | [`BUS013`](bus013) | a layer cannot be where it is |
//! | [`BUS014`](bus014) | a layer needs a copy of a message that is not `Clone` |

macro_rules! pages {
    ($($page:ident $file:literal)*) => {
        $(
            #[doc = include_str!(concat!("../docs/", $file))]
            pub mod $page {}
        )*
    };
}

/// A page whose programs need a feature; without it the page says so, so that links to it are always true.
macro_rules! pages_with {
    ($($feature:literal $page:ident $file:literal)*) => {
        $(
            #[cfg_attr(feature = $feature, doc = include_str!(concat!("../docs/", $file)))]
            #[cfg_attr(not(feature = $feature), doc = concat!("Needs the feature `", $feature, "`."))]
            pub mod $page {}
        )*
    };
}

pages! {
    bus001 "faults/BUS001.md"
    bus002 "faults/BUS002.md"
    bus003 "faults/BUS003.md"
    bus004 "faults/BUS004.md"
    bus005 "faults/BUS005.md"
    bus006 "faults/BUS006.md"
    bus007 "faults/BUS007.md"
    bus008 "faults/BUS008.md"
    bus009 "faults/BUS009.md"
    bus010 "faults/BUS010.md"
    bus011 "faults/BUS011.md"
    bus012 "faults/BUS012.md"
    bus013 "faults/BUS013.md"
    bus014 "faults/BUS014.md"
}

#[doc = include_str!("../docs/layers.md")]
pub mod layers {
    pages! {
        concurrency "layers/concurrency.md"
        failures "layers/failures.md"
        inbox "layers/inbox.md"
        latency "layers/latency.md"
        retry "layers/retry.md"
        timeout "layers/timeout.md"
        tracing "layers/tracing.md"
    }

    pages_with! {
        "file-store" dead_letters "layers/dead_letters.md"
        "metrics" metrics "layers/metrics.md"
        "tower" tower "layers/tower.md"
    }
}

pages! {
    dispatch "dispatch.md"
    scaling_out "scaling_out.md"
    strict_link "strict_link.md"
}

pages_with! {
    "file-store" recording "recording.md"
}

#[cfg_attr(feature = "testing", doc = include_str!("../docs/testing.md"))]
#[cfg_attr(not(feature = "testing"), doc = "Needs the feature `testing`.")]
pub mod testing {
    pages_with! {
        "testing" chaos "testing/chaos.md"
        "testing" coverage "testing/coverage.md"
    }
}
