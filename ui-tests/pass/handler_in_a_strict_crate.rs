//! A crate that denies whatever there is to deny sees nothing of the expansions.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, rust_2018_idioms, future_incompatible, nonstandard_style, let_underscore, unused)]
#![deny(
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unnameable_types,
    unused_qualifications,
    unused_results,
    unused_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    variant_size_differences,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    redundant_lifetimes,
    unit_bindings,
    non_local_definitions,
    impl_trait_redundant_captures,
    macro_use_extern_crate,
    meta_variable_misuse,
    absolute_paths_not_starting_with_crate,
    ambiguous_negative_literals,
    closure_returning_async_block,
    keyword_idents,
    let_underscore_drop,
    non_ascii_idents,
    redundant_imports,
    unused_import_braces,
    unused_macro_rules
)]

use linkbus::{Bus, Command, Context, Event, Query, Task, handler, handlers};

/// Asks.
#[derive(Query, Clone, Debug)]
#[query(reply = String)]
pub struct Ask {
    /// Who.
    #[bus(secret)]
    pub who: String,
}

/// Does.
#[derive(Command, Clone, Copy, Debug)]
pub struct Do(pub u32);

/// Is done.
#[derive(Event, Clone, Copy, Debug)]
pub struct Done;

/// Works.
#[derive(Task, Clone, Copy, Debug)]
pub enum Work {
    /// A bit.
    Little,
    /// A lot.
    Much(u8),
}

/// What is behind it.
pub trait Store: Send + Sync {}

/// Answers.
#[handler]
pub fn ask(query: &Ask, store: &dyn Store) -> String {
    let _store = store;
    query.who.clone()
}

#[handler]
async fn perform(_: Do, bus: &Bus, context: &Context) -> Result<(), linkbus::PublishError> {
    let _id = context.id();
    bus.publish(Done).await
}

/// Serves.
#[derive(Clone, Copy, Debug)]
pub struct Service(u32);

#[handlers]
impl Service {
    #[handler]
    fn done(&self, _: Done, context: &Context) {
        let _id = (self.0, context.id());
    }

    /// Works.
    #[handler]
    pub async fn work(&self, work: &Work) {
        let _work = work;
    }
}

mod nested {
    #[linkbus::handler]
    pub(super) fn done(_: &super::Done) {}

    /// Reachable from nowhere.
    mod deeper {
        #[linkbus::handler]
        fn done(_: &super::super::Done) {}
    }
}

linkbus::modules!();

fn main() {
    nested::done(&Done);
    let _service = Service(1);
    let _work = (Work::Little, Work::Much(1));
}
