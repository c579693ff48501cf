//! Hubs that other machines may reach: who has no key is not let in, and reads nothing. T4.

mod hostile;
mod keys;
mod proxy;
mod refused;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use std::{fs, process};

use linkbus::{Bus, transport::Endpoint};

use self::{
    scene::{Do, Done, Repeat, Scene, Secrets},
    support::{run, soon, until},
};

#[tokio::test]
async fn with_the_right_keys_all_kinds_of_messages_arrive() {
    let scene = Scene::new().await;
    assert_eq!(soon(scene.bus.send(Repeat("a".to_owned(), 3))).await.unwrap(), "aaa");
    scene.honest_is_served().await;
    soon(scene.bus.publish(Done(1))).await.unwrap();
    until(|| scene.heard() == 1).await;
    assert_eq!(scene.hub.stats().malformed, 0);
}

#[tokio::test]
async fn messages_that_are_as_large_as_they_may_be_go_there_and_back() {
    let scene = Scene::new().await;
    for size in [100_000, 1_000_000] {
        let text = "x".repeat(size);
        assert_eq!(soon(scene.bus.send(Repeat(text.clone(), 1))).await.unwrap(), text);
    }
}

#[tokio::test]
async fn the_port_that_the_system_chose_is_told() {
    let secrets = Secrets::new();
    let hub = bus_zmq::Zmq::hub().endpoint("tcp://127.0.0.1:0").curve(secrets.server()).start().unwrap();
    assert!(!hub.endpoint().ends_with(":0"), "{}", hub.endpoint());
    soon(secrets.client().endpoint(hub.endpoint()).connect().unwrap().ready()).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_is_killed_loses_nothing() {
    const CHILD: &str = "LINKBUS_CURVE_WORKER";
    if let Ok(told) = std::env::var(CHILD) {
        return scene::work_until_killed(&told).await;
    }
    let secrets = Secrets::new();
    let hub = secrets.hub().start().unwrap();
    let bus = secrets.bus().await;
    let mut child = process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_worker_that_is_killed_loses_nothing"]);
    let mut child = child.env(CHILD, secrets.told()).stdout(process::Stdio::null()).spawn().unwrap();
    until(|| hub.stats().peers == 2).await;
    let command = tokio::spawn(async move { bus.execute(Do(1)).await });
    until(|| hub.stats().accepted == 1 && hub.stats().queued == 0).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let _worker = run(secrets.worker(), Bus::empty().replayable().command(|_: Do| ()));
    soon(command).await.unwrap().unwrap();
    assert_eq!(hub.stats().requeued, 1);
}

#[tokio::test]
async fn a_hub_that_is_started_again_is_found() {
    let secrets = Secrets::new();
    let hub = secrets.hub().start().unwrap();
    let _worker = run(secrets.worker(), Bus::empty().replayable().command(|_: Do| ()));
    let bus = secrets.bus().await;
    soon(hub.close()).await;
    let _hub = secrets.hub().no_worker(bus_zmq::NoWorker::Queue).start().unwrap();
    soon(bus.execute(Do(1))).await.unwrap();
}

/// In a process of its own, in which no other test opens anything.
#[test]
fn nothing_is_open_after_closing() {
    const CHILD: &str = "LINKBUS_CURVE_CYCLES";
    if std::env::var_os(CHILD).is_some() {
        return open_and_close();
    }
    let mut child = process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "nothing_is_open_after_closing", "--nocapture"]).env(CHILD, "1");
    assert!(child.status().unwrap().success());
}

fn open_and_close() {
    let secrets = Secrets::new();
    let before = block_on(async { usage() });
    for cycle in 0..100 {
        block_on(async {
            let hub = secrets.hub().start().unwrap();
            let bus = Bus::empty().replayable().command(|_: Do| ()).build().unwrap();
            let worker = secrets.worker().connect(Endpoint::new(&bus).unwrap()).unwrap();
            let handle = worker.handle();
            let running = tokio::spawn(worker.run());
            soon(handle.ready()).await.unwrap();
            let bus = secrets.bus().await;
            soon(bus.execute(Do(1))).await.unwrap();
            // Half of them are only dropped, but for the hub: the next one needs its port.
            if cycle % 2 == 0 {
                soon(bus.close()).await.unwrap();
                handle.stop();
                soon(running).await.unwrap().unwrap();
            }
            soon(hub.close()).await;
        });
    }
    block_on(until(|| usage() == before));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// How many files are open, and how many threads there are.
fn usage() -> (usize, usize) {
    let count = |folder| fs::read_dir(folder).map_or(0, Iterator::count);
    (count("/proc/self/fd"), count("/proc/self/task"))
}
