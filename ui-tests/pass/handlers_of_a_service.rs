//! Methods with `&self`, functions of the type, other items in between, two blocks, conditions.

use linkbus::{Bus, Command, Event, Query, handlers};

#[derive(Query)]
#[query(reply = usize)]
struct Count;

#[derive(Command)]
struct Add(String);

#[derive(Command)]
struct Clear;

#[derive(Event)]
struct Added;

#[derive(Default)]
struct Names(std::sync::Mutex<Vec<String>>);

#[handlers]
impl Names {
    const LIMIT: usize = 3;

    /// How many there are.
    #[handler]
    fn count(&self, _: &Count) -> usize {
        self.names().len().min(Self::LIMIT)
    }

    #[handler]
    #[allow(clippy::unused_async)]
    pub(crate) async fn add(&self, command: Add, bus: &Bus) -> Result<(), linkbus::PublishError> {
        self.names().push(command.0);
        bus.publish(Added).await
    }

    #[handler]
    #[cfg(any())]
    fn clear(&self, _: MissingType, _: &Disabled) {}

    #[cfg(not(any()))]
    #[linkbus::handler]
    fn clear(&self, _: &Clear) {
        self.names().clear();
    }

    fn names(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap()
    }
}

#[handlers]
impl Names {
    #[handler]
    fn added(_: &Added) {}

    #[handler]
    fn added_too(_: &Added, names: &Names) {
        names.added_by(7);
    }

    fn added_by(&self, _: u32) {}
}

fn main() {
    let bus = Bus::builder().provide(Names::default()).build().unwrap();
    let count = bus.wiring().to_string();
    assert!(count.contains("Names::count"), "{count}");
}
