use std::{any::Any, marker::PhantomData, ptr::NonNull, sync::Arc};

use crate::message::Message;

/// What a table holds for each message type.
pub(crate) trait Family: 'static {
    type Entry<M: Message>: Send + Sync + 'static;
}

/// The entries of one family, at most one per message type, found by the type's number.
///
/// # How the types are forgotten and remembered
///
/// [`TableBuilder::entry`] is the only writer: for a type `M` it writes an `F::Entry<M>` to the slot `M::index().assign()`.
/// [`Table::get`] is the only reader: for a type `M` it reads the slot `M::index().number()` as an `F::Entry<M>`.
/// Both take the number from a `MessageIndex<M>`, a number belongs to one `MessageIndex` value for good, and that value
/// has one, invariant, type parameter. So whatever `Message::index` returns, even in an implementation written by hand
/// to deceive: the `M` that reads a slot is the `M` that wrote it.
pub(crate) struct Table<F> {
    slots: Box<[Option<Slot>]>,
    /// What the slots point into.
    owners: Box<[Option<Owner>]>,
    family: PhantomData<fn() -> F>,
}

type Owner = Arc<dyn Any + Send + Sync>;

/// A pointer to an entry whose type is known to whoever has the right index.
#[derive(Clone, Copy)]
struct Slot(NonNull<()>);

// SAFETY: a `Slot` is made only by `Slot::to`, from an owner that is `Send + Sync`, and gives out only shared references.
unsafe impl Send for Slot {}
// SAFETY: as for `Send`.
unsafe impl Sync for Slot {}

impl Slot {
    fn to(owner: &Owner) -> Slot {
        Slot(NonNull::from(&**owner).cast())
    }
}

impl<F: Family> Table<F> {
    /// The entry of `M`, if this table has one.
    #[inline]
    pub(crate) fn get<M: Message>(&self) -> Option<&F::Entry<M>> {
        let number = M::index().number();
        let Slot(entry) = (*self.slots.get(number)?)?;
        debug_assert!(self.owners[number].as_ref().is_some_and(|owner| owner.is::<F::Entry<M>>()));
        // SAFETY: `entry` points to the value inside `self.owners[number]`, which is never replaced or dropped while
        // `self` lives, and is only ever shared. Its type is `F::Entry<M>`: see the invariant on `Table`.
        Some(unsafe { entry.cast::<F::Entry<M>>().as_ref() })
    }
}

/// A [`Table`] that can still be written to; every access is checked by `Any`.
pub(crate) struct TableBuilder<F> {
    entries: Vec<Option<Box<dyn Any + Send + Sync>>>,
    family: PhantomData<fn() -> F>,
}

impl<F: Family> TableBuilder<F> {
    pub(crate) fn new() -> Self {
        TableBuilder { entries: Vec::new(), family: PhantomData }
    }

    /// The entry of `M`, made by `vacant` if there is none.
    pub(crate) fn entry<M: Message>(&mut self, vacant: impl FnOnce() -> F::Entry<M>) -> &mut F::Entry<M> {
        let number = M::index().assign();
        if number >= self.entries.len() {
            self.entries.resize_with(number + 1, || None);
        }
        let entry = self.entries[number].get_or_insert_with(|| Box::new(vacant()));
        entry.downcast_mut().expect("a number belongs to one message type")
    }

    pub(crate) fn finish(self) -> Table<F> {
        let owners: Box<[Option<Owner>]> = self.entries.into_iter().map(|entry| entry.map(Arc::from)).collect();
        let slots = owners.iter().map(|owner| owner.as_ref().map(Slot::to)).collect();
        Table { slots, owners, family: PhantomData }
    }
}
