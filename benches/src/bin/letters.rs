//! Durable appends to the store of dead letters, beside a bare group commit of the same bytes: write, `fdatasync`, answer.
//! Then the tasks of a runtime, which do not wait for the disk. Prints Markdown tables. Rounds are taken in turns, and the
//! best of each counts.

use std::{
    borrow::Cow,
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use linkbus::{
    Uuid,
    layer::dead_letter::{DeadLetter, DeadLetterStore as _, Durability, FileStore, FileStoreOptions, StoreError},
};

const ROUNDS: usize = 5;
const CALLERS: [usize; 3] = [1, 16, 256];
const TASKS: usize = 256;
const WORKERS: usize = 2;

/// A letter of an ordinary command.
const LETTER: &str = concat!(
    r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","message":"orders.PlaceOrder","kind":"command","body":"json","#,
    r#""at_us":1700000000123456,"attempts":5,"replays":0,"dispatch":"01890a5d-ac96-774b-bcce-b302099a8058","#,
    r#""correlation":"01890a5d-ac96-774b-bcce-b302099a8059","reason":"failed","retryable":false,"#,
    r#""error":"the warehouse does not answer","handler":"place_order","module":"orders","#,
    r#""file":"orders/src/lib.rs","line":70,"place":0}"#,
    "\t",
    r#"{"order":1234567,"items":[{"sku":"A-17","count":2},{"sku":"B-4","count":1}]}"#
);

fn main() -> io::Result<()> {
    let letter = as_the_layer_makes_it(DeadLetter::from_line(LETTER).expect("it is a letter"));
    let record = letter.to_line().len() + 30;
    println!("Records of about {record} bytes.\n");
    println!("| callers | bare group commit | dead letters | of bare | bar | |\n|--:|--:|--:|--:|--:|---|");
    for callers in CALLERS {
        let each = if callers == 1 { 2_000 } else { 100_000 / callers };
        let mut best = [0.0_f64; 2];
        for _ in 0..ROUNDS {
            let folder = Folder::new()?;
            let bare = Bare::create(&folder.0.join("bare"))?;
            let line = vec![b'x'; record];
            best[0] = best[0].max(rate(callers, each, || bare.append(&line).expect("the disk works")));
            let store = large().durability(Durability::OnAppend).open(folder.0.join("letters"));
            let store = store.map_err(io::Error::other)?;
            let append = || store.append(another(&letter)).expect("the disk works");
            best[1] = best[1].max(rate(callers, each, append));
        }
        let [bare, letters] = best;
        let percent = 100.0 * letters / bare;
        let (least, bar) = if callers == 256 { (100_000.0, "100000/s and 50 %") } else { (0.0, "50 %") };
        let is_met = if letters >= least && percent >= 50.0 { "met" } else { "NOT MET" };
        println!("| {callers} | {bare:.0}/s | {letters:.0}/s | {percent:.0} % | {bar} | {is_met} |");
    }
    println!("\n{TASKS} tasks on {WORKERS} workers of a runtime:\n");
    println!("| `append` returns | taken | on the disk | half / 99 % / all within | refused, asked again |");
    println!("|---|--:|--:|--:|--:|");
    for (durability, each) in [(Durability::Behind, 400), (Durability::OnAppend, 8)] {
        let mut best = Tasks::default();
        for _ in 0..ROUNDS {
            let round = tasks(&letter, durability, each)?;
            if round.durable > best.durable {
                best = round;
            }
        }
        let Tasks { taken, durable, within: [half, most, all], refused } = best;
        println!("| {durability:?} | {taken:.0}/s | {durable:.0}/s | {half:?} / {most:?} / {all:?} | {refused} |");
    }
    Ok(())
}

fn large() -> FileStoreOptions {
    FileStore::options().max_letters(10_000_000).max_bytes(1 << 40)
}

fn another(letter: &DeadLetter) -> DeadLetter {
    let mut letter = letter.clone();
    letter.id = Uuid::now_v7();
    letter
}

/// What tasks came to that append.
#[derive(Default)]
struct Tasks {
    /// Letters a second until the last was taken, and until the last was synced.
    taken: f64,
    durable: f64,
    /// How long the calls took: half of them, 99 of a hundred, and all.
    within: [Duration; 3],
    refused: usize,
}

fn tasks(letter: &DeadLetter, durability: Durability, each: usize) -> io::Result<Tasks> {
    let folder = Folder::new()?;
    let store = large().durability(durability).open(folder.0.join("letters")).map_err(io::Error::other)?;
    let store = Arc::new(store);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).build()?;
    let begun = Instant::now();
    let tasks: Vec<_> =
        (0..TASKS).map(|_| runtime.spawn(append_all(Arc::clone(&store), letter.clone(), each))).collect();
    let (mut times, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (of_task, refused_of_task) = runtime.block_on(task).expect("a task does not panic");
        times.extend(of_task);
        refused += refused_of_task;
    }
    let taken = begun.elapsed();
    store.flush().map_err(io::Error::other)?;
    let durable = begun.elapsed();
    times.sort_unstable();
    let within = [times.len() / 2, times.len() * 99 / 100, times.len() - 1].map(|place| times[place]);
    Ok(Tasks { taken: per_second(TASKS * each, taken), durable: per_second(TASKS * each, durable), within, refused })
}

/// How long each call took, and how often one was refused.
async fn append_all(store: Arc<FileStore>, letter: DeadLetter, each: usize) -> (Vec<Duration>, usize) {
    let (mut times, mut refused) = (Vec::with_capacity(each), 0);
    while times.len() < each {
        let letter = another(&letter);
        let begun = Instant::now();
        match store.append(letter) {
            Ok(()) => times.push(begun.elapsed()),
            Err(StoreError::Behind { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
    (times, refused)
}

/// What was read owns its texts; what the layer writes has them from the compiler.
fn as_the_layer_makes_it(mut letter: DeadLetter) -> DeadLetter {
    let text = |text: &str| Cow::Borrowed(&*text.to_owned().leak());
    letter.message = text(&letter.message);
    if let Some(handler) = &mut letter.handler {
        [handler.name, handler.module, handler.file] =
            [&handler.name, &handler.module, &handler.file].map(|part| text(part));
    }
    letter
}

/// How many calls a second these callers make together, each so many.
fn rate(callers: usize, each: usize, one: impl Fn() + Sync) -> f64 {
    let start = std::sync::Barrier::new(callers + 1);
    let (start, one) = (&start, &one);
    let took = thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|_| {
                scope.spawn(move || {
                    start.wait();
                    (0..each).for_each(|_| one());
                })
            })
            .collect();
        start.wait();
        let begun = Instant::now();
        for thread in threads {
            thread.join().expect("a caller does not panic");
        }
        begun.elapsed()
    });
    per_second(callers * each, took)
}

fn per_second(calls: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than would matter")]
    let calls = calls as f64;
    calls / took.max(Duration::from_nanos(1)).as_secs_f64()
}

/// The least that a group commit has to do: bytes into a buffer, and whoever is first writes and syncs it for all.
struct Bare {
    file: File,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    is_led: bool,
    batch: Arc<Batch>,
}

#[derive(Default)]
struct Batch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default, PartialEq, Clone, Copy)]
enum State {
    #[default]
    Waiting,
    HandedOver,
    Written,
}

impl Bare {
    fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create_new(true).append(true).open(path)?;
        Ok(Bare { file, waiting: Mutex::default() })
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut waiting = self.waiting.lock().expect("nobody panics");
        waiting.bytes.extend_from_slice(bytes);
        let batch = Arc::clone(&waiting.batch);
        let mut is_mine = !std::mem::replace(&mut waiting.is_led, true);
        drop(waiting);
        loop {
            if is_mine {
                self.lead()?;
            }
            let state = batch.state.lock().expect("nobody panics");
            let mut state = batch.changed.wait_while(state, |state| *state == State::Waiting).expect("nobody panics");
            if *state == State::Written {
                return Ok(());
            }
            *state = State::Waiting;
            is_mine = true;
        }
    }

    fn lead(&self) -> io::Result<()> {
        let Waiting { bytes, batch, .. } = {
            let mut waiting = self.waiting.lock().expect("nobody panics");
            std::mem::replace(&mut *waiting, Waiting { is_led: true, ..Waiting::default() })
        };
        (&self.file).write_all(&bytes)?;
        self.file.sync_data()?;
        batch.put(State::Written);
        batch.changed.notify_all();
        let mut waiting = self.waiting.lock().expect("nobody panics");
        if waiting.bytes.is_empty() {
            waiting.is_led = false;
        } else {
            waiting.batch.put(State::HandedOver);
            waiting.batch.changed.notify_one();
        }
        Ok(())
    }
}

impl Batch {
    fn put(&self, state: State) {
        *self.state.lock().expect("nobody panics") = state;
    }
}

/// Beside the program, so on the disk that it was built on; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = env::current_exe()?.with_file_name(format!("linkbus-letters-{}", Uuid::now_v7()));
        fs::create_dir(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
