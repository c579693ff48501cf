//! Programs of many messages with handlers, written and built in a folder: through a bus, through medi-rs, and the same
//! functions without macros.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How the functions of a program are reached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They are called.
    Plain,
    /// Each is a `#[handler]` of a `SyncBus`.
    Linkbus,
    /// Each is a handler of a mediator of medi-rs, and so `async`.
    Medi,
}

/// A generated package.
pub struct Program {
    way: Way,
    messages: usize,
    folder: PathBuf,
    target: PathBuf,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Plain => "plain",
            Way::Linkbus => "bus",
            Way::Medi => "medi",
        }
    }

    fn dependency(self) -> &'static str {
        match self {
            Way::Plain => "",
            Way::Linkbus => concat!("linkbus = { path = \"", env!("CARGO_MANIFEST_DIR"), "/..\" }"),
            Way::Medi => "medi-rs = { version = \"3.2.0\", features = [\"tokio\"] }",
        }
    }

    /// Of packages that somebody has built here, so that nothing is downloaded.
    fn lock(self) -> &'static str {
        match self {
            Way::Plain | Way::Linkbus => concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"),
            Way::Medi => concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Cargo.lock"),
        }
    }
}

impl Program {
    /// A program of so many messages, in a folder of its own below `root`.
    pub fn new(root: &Path, way: Way, messages: usize) -> Self {
        let folder = root.join(format!("{}-{messages}", way.name()));
        Program { way, messages, folder, target: root.join("target").join(way.name()) }
    }

    /// Writes it.
    pub fn write(&self) -> io::Result<()> {
        fs::create_dir_all(self.folder.join("src"))?;
        let (name, dependency) = (self.name(), self.way.dependency());
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\n"
        );
        fs::write(self.folder.join("Cargo.toml"), manifest)?;
        fs::copy(self.way.lock(), self.folder.join("Cargo.lock"))?;
        fs::write(self.folder.join("src/main.rs"), source(self.way, self.messages))
    }

    /// Changes the body of one function, and nothing that others see of it.
    pub fn edit(&self, edit: usize) -> io::Result<()> {
        let path = self.folder.join("src/main.rs");
        let code = source(self.way, self.messages).replacen(
            "Some(text) => text,",
            &format!("Some(text) => text + \"{edit}\","),
            1,
        );
        fs::write(path, code)
    }

    /// Builds it, and says how much processor time that took, of all processes together: other programs change it less than they
    /// change how long it takes, but they make it dearer.
    ///
    /// # Panics
    /// If it does not build.
    pub fn build(&self, flags: &[&str], is_incremental: bool) -> io::Result<Duration> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--offline", "--target-dir"]).arg(&self.target).args(flags);
        cargo.current_dir(&self.folder).env("CARGO_INCREMENTAL", if is_incremental { "1" } else { "0" });
        let before = time_of_children()?;
        let status = cargo.status()?;
        assert!(status.success(), "`{}` does not build", self.name());
        Ok(time_of_children()?.saturating_sub(before))
    }

    /// The program, once it is built with `--release`.
    pub fn command(&self) -> Command {
        Command::new(self.target.join("release").join(self.name()))
    }

    fn name(&self) -> String {
        format!("{}-{}", self.way.name(), self.messages)
    }
}

/// The processor time of the processes that this one has started and waited for, and of theirs.
///
/// # Panics
/// On a system that does not tell it in `/proc/self/stat`.
fn time_of_children() -> io::Result<Duration> {
    const TICKS_OF_A_SECOND: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name before it is in brackets, and may hold blanks. Behind it, in user mode and in the kernel.
    let (_, fields) = stat.rsplit_once(')').expect("the name of the program is in brackets");
    let fields = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().expect("ticks are a number")).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_OF_A_SECOND))
}

/// `main` calls the first so many functions so many times, as its arguments say; all of them once without.
fn source(way: Way, messages: usize) -> String {
    let text = match way {
        Way::Plain => PLAIN,
        Way::Linkbus => LINKBUS,
        Way::Medi => MEDI,
    };
    let numbered = |pattern: &str| {
        (0..messages).fold(String::new(), |mut all, n| {
            let _ = write!(all, "{}", pattern.replace('@', &n.to_string()));
            all
        })
    };
    let mut code = String::from("#![recursion_limit = \"4096\"]\n") + SHARED;
    code += &numbered(&text.item.replace("BODY", BODY).replace("FIELDS", FIELDS).replace("QUERY", QUERY));
    code += &text.bus.replace("ROUTES", &numbered("Get@ => get@; "));
    let _ = write!(code, "\nconst CALLS: &[fn(&Bus) -> usize] = &[{}];\n", numbered("call@, "));
    code + MAIN
}

/// What differs between the ways. `@` is the number of a message.
struct Text {
    /// A message, its function, and a call of it.
    item: &'static str,
    /// The type of the bus, and the function that makes one.
    bus: &'static str,
}

const PLAIN: &Text = &Text {
    item: "
#[derive(Clone, Debug)]
pub struct Get@ FIELDS
pub fn get@(query: &Get@, store: &Store) -> String BODY
fn call@(bus: &Bus) -> usize { get@(&Get@ QUERY, bus).len() }
",
    bus: "
type Bus = Store;
fn bus() -> Bus { Store::default() }
",
};

const LINKBUS: &Text = &Text {
    item: "
#[derive(linkbus::Query, Clone, Debug)]
#[query(reply = String)]
pub struct Get@ FIELDS
#[linkbus::handler]
pub fn get@(query: &Get@, store: &Store) -> String BODY
fn call@(bus: &Bus) -> usize { bus.send(Get@ QUERY).unwrap().len() }
",
    bus: "
type Bus = linkbus::SyncBus;
fn bus() -> Bus { linkbus::SyncBus::builder().provide(Store::default()).build().unwrap() }
",
};

const MEDI: &Text = &Text {
    item: "
#[derive(medi_rs::MediCommand, Clone, Debug)]
#[medi_command(return_type = String)]
pub struct Get@ FIELDS
#[medi_rs::medi_handler]
pub async fn get@(store: std::sync::Arc<Store>, query: Get@) -> Result<String, std::convert::Infallible> { Ok(BODY) }
fn call@(bus: &Bus) -> usize { ready(bus.send(Get@ QUERY)).unwrap().len() }
",
    bus: "
medi_rs::medi_module! {
    manifest many;
    resources { store: std::sync::Arc<Store>; }
    commands { ROUTES }
}
medi_rs::mediator! {
    pub struct Bus {
        event_queue_capacity: 1;
        event_workers: 1;
        modules: [many];
    }
}
fn bus() -> Bus { Bus::builder().store(Default::default()).build() }
fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!(),
    }
}
",
};

const FIELDS: &str = "{ pub id: u64, pub name: String }";

const QUERY: &str = "{ id: 1, name: String::from(\"x\") }";

const BODY: &str = "{
    match store.find(query.id) {
        Some(text) if text.len() > query.name.len() => format!(\"{text} {}\", query.name),
        Some(text) => text,
        None => query.name.to_uppercase(),
    }
}";

const SHARED: &str = "
#[derive(Default)]
pub struct Store(std::sync::Mutex<std::collections::HashMap<u64, String>>);

impl Store {
    pub fn find(&self, id: u64) -> Option<String> { self.0.lock().unwrap().get(&id).cloned() }
}
";

const MAIN: &str = "
fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let types = arguments.next().unwrap_or(CALLS.len());
    let rounds = arguments.next().unwrap_or(1);
    let bus = bus();
    let sum: usize = (0..rounds).map(|_| CALLS[..types].iter().map(|call| call(&bus)).sum::<usize>()).sum();
    println!(\"{sum}\");
}
";
