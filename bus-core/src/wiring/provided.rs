use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use crate::{
    flavor::Flavor,
    handle::{BusHandle, CommandHandle, EventHandle, QueryHandle, TaskHandle},
    message::Location,
};

/// The dependencies that a bus was given, by type.
#[derive(Default)]
pub struct Provided {
    values: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Provided {
    /// The value for a parameter `&T`.
    ///
    /// # Panics
    /// If it was not provided: the wiring checks every need before anything is resolved.
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Arc<T> {
        let value = self.values.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref::<Arc<T>>());
        Arc::clone(value.expect("the wiring checked that every dependency is there"))
    }

    pub(crate) fn insert<T: ?Sized + Send + Sync + 'static>(&mut self, value: Arc<T>) {
        self.values.insert(TypeId::of::<T>(), Box::new(value));
    }
}

/// What a handler asked for: nothing, or one dependency and then the others.
///
/// Handlers that ask for the same share one type, and so what is compiled for it.
#[doc(hidden)]
pub trait Resolve: Send + Sync + 'static {
    fn resolve(provided: &Provided) -> Self;
}

impl Resolve for () {
    fn resolve(_: &Provided) {}
}

impl<T: ?Sized + Send + Sync + 'static, N: Resolve> Resolve for (Arc<T>, N) {
    fn resolve(provided: &Provided) -> Self {
        (provided.get::<T>(), N::resolve(provided))
    }
}

/// One `.provide(..)`: a value, or how to make one, on its way into a bus.
pub(crate) struct Provision<B: Flavor> {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    /// Where it was provided. `None` for what every bus provides by itself.
    pub(crate) location: Option<Location>,
    pub(crate) make: Make<B>,
}

type Make<B> = Box<dyn FnOnce(&BusHandle<B>, &mut Provided) + Send>;

impl<B: Flavor> Provision<B> {
    #[track_caller]
    pub(crate) fn by_user<T: ?Sized + Send + Sync + 'static>(
        make: impl FnOnce(&BusHandle<B>) -> Arc<T> + Send + 'static,
    ) -> Self {
        Provision { location: Some(Location::of_caller()), ..Provision::by_bus(make) }
    }

    fn by_bus<T: ?Sized + Send + Sync + 'static>(make: impl FnOnce(&BusHandle<B>) -> Arc<T> + Send + 'static) -> Self {
        Provision {
            type_id: TypeId::of::<T>(),
            type_name: std::any::type_name::<T>(),
            location: None,
            make: Box::new(|handle, provided| provided.insert(make(handle))),
        }
    }

    /// What every bus provides: the handles to itself.
    pub(crate) fn handles() -> [Provision<B>; 5] {
        [
            Provision::by_bus::<BusHandle<B>>(|bus| Arc::new(bus.clone())),
            Provision::by_bus::<QueryHandle<B>>(|bus| Arc::new(bus.queries())),
            Provision::by_bus::<CommandHandle<B>>(|bus| Arc::new(bus.commands())),
            Provision::by_bus::<EventHandle<B>>(|bus| Arc::new(bus.events())),
            Provision::by_bus::<TaskHandle<B>>(|bus| Arc::new(bus.tasks())),
        ]
    }
}
