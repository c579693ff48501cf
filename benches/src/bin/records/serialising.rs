//! Serialising on the thread that dispatches, beside cloning there and serialising on the thread that writes.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    sync::mpsc,
    thread,
    time::Instant,
};

use serde::Serialize;

use super::{Folder, PlaceOrder, ROUNDS};

/// A message of some KB.
#[derive(Clone, Serialize)]
struct Import {
    orders: Vec<PlaceOrder>,
}

#[derive(Clone, Copy)]
struct Cost {
    caller_nanos: f64,
    per_second: f64,
}

impl Cost {
    const WORST: Cost = Cost { caller_nanos: f64::MAX, per_second: 0.0 };

    fn better(self, other: Cost) -> Cost {
        Cost {
            caller_nanos: self.caller_nanos.min(other.caller_nanos),
            per_second: self.per_second.max(other.per_second),
        }
    }
}

pub(crate) fn print() -> io::Result<()> {
    println!("\n| payload | | caller | written |\n|---|---|--:|--:|");
    compare("a command of five fields", &PlaceOrder::example(), 60_000)?;
    compare("a list of forty of them", &Import { orders: vec![PlaceOrder::example(); 40] }, 6_000)
}

fn compare<M: Serialize + Clone + Send + Sync>(name: &str, message: &M, count: u32) -> io::Result<()> {
    let (mut now, mut later) = (Cost::WORST, Cost::WORST);
    let mut expected = 0;
    for _ in 0..ROUNDS {
        // As the layer does: into a buffer that was allocated for what the last one took.
        let serialise = || {
            let mut bytes = Vec::with_capacity(expected);
            serde_json::to_writer(&mut bytes, message).expect("it is JSON");
            expected = bytes.len();
            bytes
        };
        now = now.better(cost(count, serialise, |bytes, file| file.write_all(&bytes))?);
        let serialise = |message: Box<M>, file: &mut BufWriter<File>| Ok(serde_json::to_writer(file, &message)?);
        later = later.better(cost(count, || Box::new(message.clone()), serialise)?);
    }
    println!(
        "| {name}, {expected} bytes | serialised by the caller | {:.0} ns | {:.0}/s |",
        now.caller_nanos, now.per_second
    );
    println!("| | cloned by the caller | {:.0} ns | {:.0}/s |", later.caller_nanos, later.per_second);
    Ok(())
}

/// Of messages that the caller takes as fast as it can, while another thread writes them.
fn cost<T: Send>(
    count: u32,
    mut take: impl FnMut() -> T,
    write: impl Fn(T, &mut BufWriter<File>) -> io::Result<()> + Send,
) -> io::Result<Cost> {
    let folder = Folder::new()?;
    let mut file = BufWriter::new(File::create(folder.0.join("payloads.jsonl"))?);
    let (sender, receiver) = mpsc::sync_channel(count as usize);
    thread::scope(|scope| {
        let begun = Instant::now();
        let writer = scope.spawn(move || {
            for taken in receiver {
                write(taken, &mut file)?;
                file.write_all(b"\n")?;
            }
            file.flush()
        });
        (0..count).for_each(|_| sender.send(take()).expect("the writer reads on"));
        drop(sender);
        let called = begun.elapsed();
        writer.join().expect("writing does not panic")?;
        let per_second = f64::from(count) / begun.elapsed().as_secs_f64();
        Ok(Cost { caller_nanos: called.as_secs_f64() * 1e9 / f64::from(count), per_second })
    })
}
