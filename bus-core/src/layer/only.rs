//! Layers for some of the messages.

use std::{any::TypeId, marker::PhantomData};

use super::{IntoLayer, Layer, Link, Site};
use crate::{
    error::AnyError,
    flavor::Flavor,
    message::{Kind, Message, MessageFacts},
};

/// Which messages a layer is for, decided when the bus is built: made from a [`Kind`], from several, or by
/// [`of`](Selection::of) and [`by`](Selection::by).
///
/// ```
/// use linkbus::{Kind, layer::Selection};
/// # #[derive(linkbus::Command)]
/// # struct Pay;
///
/// let by_kind = Selection::from([Kind::Command, Kind::Task]);
/// let one = Selection::of::<Pay>();
/// let all_but_one = Selection::of::<Pay>().inverted();
/// let of_a_module = Selection::by("of `orders`", |message| message.location.crate_name() == "orders");
/// # let _ = (by_kind, one, all_but_one, of_a_module);
/// ```
pub struct Selection {
    text: String,
    has: Box<dyn Fn(&MessageFacts) -> bool + Send + Sync>,
}

impl Selection {
    /// The messages for which `has` is true; `text` says which those are in `explain`.
    pub fn by(text: impl Into<String>, has: impl Fn(&MessageFacts) -> bool + Send + Sync + 'static) -> Self {
        Selection { text: text.into(), has: Box::new(has) }
    }

    /// One message.
    pub fn of<M: Message>() -> Self {
        Selection::by(format!("`{}`", M::FACTS.name), |message| message == M::FACTS)
    }

    /// All the others.
    #[must_use]
    pub fn inverted(self) -> Self {
        Selection::by(format!("all but {}", self.text), move |message| !(self.has)(message))
    }
}

impl From<Kind> for Selection {
    fn from(kind: Kind) -> Self {
        Selection::from([kind])
    }
}

impl<const N: usize> From<[Kind; N]> for Selection {
    fn from(kinds: [Kind; N]) -> Self {
        let text = kinds.map(|kind| format!("{kind}")).join(", ");
        Selection::by(text, move |message| kinds.contains(&message.kind))
    }
}

/// A layer for some of the messages: made by [`only`].
pub struct Only<L> {
    selection: Selection,
    layer: L,
}

/// Puts `layer` around the messages of `selection` and around no others.
///
/// ```
/// use linkbus::{Kind, Command, Query, SyncBus, layer::{Dispatch, Observer, only}};
/// # #[derive(Command)]
/// # struct Pay;
/// # #[derive(Query)]
/// # #[query(reply = u32)]
/// # struct Balance;
/// struct Audit;
///
/// impl Observer for Audit {
///     fn end(&self, dispatch: &mut Dispatch<'_>) {
///         assert_ne!(dispatch.message().kind, Kind::Query);
///     }
/// }
///
/// let bus = SyncBus::empty().query(|_: Balance| 7).command(|_: Pay| ()).layer(only(Kind::Command, Audit)).build().unwrap();
/// bus.send(Balance).unwrap();
/// ```
pub fn only<L>(selection: impl Into<Selection>, layer: L) -> Only<L> {
    Only { selection: selection.into(), layer }
}

/// The shape of an [`Only`], with that of the layer in it.
pub struct AsOnly<S>(PhantomData<S>);

impl<B: Flavor, S, L: IntoLayer<B, S>> IntoLayer<B, AsOnly<S>> for Only<L> {
    type Layer = Selected<L::Layer>;

    fn into_layer(self) -> Selected<L::Layer> {
        Selected { selection: self.selection, layer: self.layer.into_layer() }
    }
}

/// What an [`Only`] becomes on a bus.
pub struct Selected<L> {
    selection: Selection,
    layer: L,
}

impl<B: Flavor, L: Layer<B>> Layer<B> for Selected<L> {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        if !(self.selection.has)(site.message()) {
            return site.leave_out(format!("it is only for {}", self.selection.text));
        }
        self.layer.link(site)
    }

    fn is_for(&self, message: &'static MessageFacts) -> bool {
        (self.selection.has)(message) && self.layer.is_for(message)
    }

    fn identity(&self) -> TypeId {
        self.layer.identity()
    }

    fn name(&self) -> &str {
        self.layer.name()
    }

    fn close(&self) -> Result<(), AnyError> {
        self.layer.close()
    }
}
