//! What stands around a dispatch: the chain, its order, and what a layer may do in it.

use std::sync::{Arc, Mutex};

use linkbus::{
    Bus, Command, Event, Kind, Query, SyncBus, Task,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Next, Observer, Outcome, on, on_async, only},
};

#[derive(Query)]
#[query(reply = u32)]
struct Double(u32);

#[derive(Command)]
struct Pay;

#[derive(Event)]
struct Paid;

#[derive(Task)]
struct Print;

type Log = Arc<Mutex<Vec<String>>>;

#[derive(Clone)]
struct Named(&'static str, Log);

impl Named {
    fn say(&self, what: &str) {
        self.1.lock().unwrap().push(format!("{} {what}", self.0));
    }
}

struct Watch(Named);

impl Observer for Watch {
    fn start(&self, _: &mut Dispatch<'_>) {
        self.0.say("starts");
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.0.say(dispatch.outcome().label());
    }
}

struct Wrap(Named);

impl Around for Wrap {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        self.0.say("before");
        let done = next.run(dispatch);
        self.0.say("after");
        done
    }
}

impl AsyncAround for Wrap {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        self.0.say("before");
        let done = next.run(dispatch).await;
        self.0.say("after");
        done
    }
}

/// M2.
#[test]
fn the_first_layer_is_the_outermost() {
    let log = Log::default();
    let [one, two, three] = ["one", "two", "three"].map(|name| Named(name, log.clone()));
    let bus = SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .subscribe(|_: &Paid| ())
        .layer(Watch(one))
        .layer(Wrap(two))
        .layer(Watch(three))
        .build()
        .unwrap();
    let expected = ["one starts", "two before", "three starts", "three succeeded", "two after", "one succeeded"]
        .map(str::to_owned);
    assert_eq!(bus.send(Double(4)).unwrap(), 8);
    assert_eq!(std::mem::take(&mut *log.lock().unwrap()), expected);
    bus.publish(Paid).unwrap();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_first_layer_is_the_outermost_on_a_bus() {
    let log = Log::default();
    let [one, two, three] = ["one", "two", "three"].map(|name| Named(name, log.clone()));
    let bus = Bus::empty()
        .query_async(|query: Double| async move {
            tokio::task::yield_now().await;
            query.0 * 2
        })
        .subscribe(|_: &Paid| ())
        .layer(Watch(one))
        .layer(Wrap(two))
        .layer(Watch(three))
        .build()
        .unwrap();
    let expected = ["one starts", "two before", "three starts", "three succeeded", "two after", "one succeeded"]
        .map(str::to_owned);
    assert_eq!(bus.send(Double(4)).await.unwrap(), 8);
    assert_eq!(std::mem::take(&mut *log.lock().unwrap()), expected);
    bus.publish(Paid).await.unwrap();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn a_typed_layer() {
    let bus = SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .command(|_: Pay| ())
        .layer(on::<Double, _>(|mut double: Double, mut next: linkbus::layer::TypedNext<'_, Double>| {
            double.0 += 1;
            next.run(double).map(|reply| reply + 100)
        }))
        .build()
        .unwrap();
    assert_eq!(bus.send(Double(1)).unwrap(), 104);
    bus.execute(Pay).unwrap();
}
