//! 700 messages with handlers: how long they take to build, to start and to be found. Prints a Markdown table.
//!
//! Two programs are written and built in a folder beside this one. `bus` has 700 queries with handlers and sends each
//! once. `plain` is the same without macros and without a bus: the same structs with the same other derives, the same
//! functions, and a plain call of each. Times are the best of several runs, taken in turns.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const MESSAGES: usize = 700;
const BUILDS: usize = 3;
const STARTS: usize = 200;

fn main() -> io::Result<()> {
    let folder = env::current_exe()?.parent().expect("a program is in a folder").join("linkbus-at-scale");
    let programs = [Program::new(&folder, "plain", ""), Program::new(&folder, "bus", LINKBUS)];
    for program in &programs {
        program.write()?;
    }
    println!("| {MESSAGES} messages | plain | bus | | bar | |\n|---|--:|--:|--:|--:|---|");
    for (profile, flags) in [("dev", &[][..]), ("release", &["--release"][..])] {
        build_times(&programs, profile, flags)?;
    }
    starts(&programs)?;
    slope(&programs[1])
}

fn build_times(programs: &[Program; 2], profile: &str, flags: &[&str]) -> io::Result<()> {
    let mut best = [Duration::MAX; 2];
    for program in programs {
        program.build(flags)?;
    }
    for _ in 0..BUILDS {
        for (best, program) in best.iter_mut().zip(programs) {
            program.write()?;
            *best = program.build(flags)?.min(*best);
        }
    }
    let [plain, bus] = best.map(|time| time.as_secs_f64());
    let times = bus / plain;
    println!("| build, {profile} | {plain:.2} s | {bus:.2} s | {times:.2}x | 2x | {} |", met(times <= 2.0));
    Ok(())
}

/// The whole life of a process that dispatches once, and of one that does nothing.
fn starts(programs: &[Program; 2]) -> io::Result<()> {
    let mut best = [Duration::MAX; 2];
    for _ in 0..STARTS {
        for (best, program) in best.iter_mut().zip(programs) {
            let start = Instant::now();
            program.command().arg("1").stdout(Stdio::null()).status()?;
            *best = start.elapsed().min(*best);
        }
    }
    let [plain, bus] = best.map(|time| time.as_secs_f64() * 1e3);
    println!("| process to first dispatch | {plain:.2} ms | {bus:.2} ms | | 3.5 ms | {} |", met(bus <= 3.5));
    Ok(())
}

/// Instructions of a dispatch round robin over few types and over all of them.
fn slope(program: &Program) -> io::Result<()> {
    let (Some(few), Some(all)) = (program.per_dispatch(10)?, program.per_dispatch(MESSAGES)?) else {
        println!("notice: valgrind is not installed, so the slope was not measured");
        return Ok(());
    };
    let steps = met((all - few).abs() < 1.0);
    println!("| instructions per dispatch, 10 and 700 types | | {few:.1} and {all:.1} | | equal | {steps} |");
    Ok(())
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT MET" }
}

const LINKBUS: &str = concat!("linkbus = { path = \"", env!("CARGO_MANIFEST_DIR"), "/..\" }");

/// A generated package.
struct Program {
    name: &'static str,
    folder: PathBuf,
    target: PathBuf,
    dependencies: &'static str,
}

impl Program {
    fn new(root: &Path, name: &'static str, dependencies: &'static str) -> Self {
        Program { name, folder: root.join(name), target: root.join("target"), dependencies }
    }

    fn write(&self) -> io::Result<()> {
        fs::create_dir_all(self.folder.join("src"))?;
        let Program { name, dependencies, .. } = self;
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependencies}\n"
        );
        fs::write(self.folder.join("Cargo.toml"), manifest)?;
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"), self.folder.join("Cargo.lock"))?;
        fs::write(self.folder.join("src/main.rs"), source(self.name == "bus"))
    }

    /// Builds it, the dependencies excepted, and says how long that took.
    fn build(&self, flags: &[&str]) -> io::Result<Duration> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--offline", "--target-dir"]).arg(&self.target).args(flags);
        let start = Instant::now();
        let status = cargo.current_dir(&self.folder).env("CARGO_INCREMENTAL", "0").status()?;
        assert!(status.success(), "`{}` does not build", self.name);
        Ok(start.elapsed())
    }

    fn command(&self) -> Command {
        Command::new(self.target.join("release").join(self.name))
    }

    /// Instructions of one dispatch when `types` message types take turns; `None` without valgrind.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn per_dispatch(&self, types: usize) -> io::Result<Option<f64>> {
        let rounds = 14_000 / types;
        let counted = (self.instructions(types, rounds)?, self.instructions(types, 2 * rounds)?);
        let (Some(once), Some(twice)) = counted else { return Ok(None) };
        Ok(Some((twice - once) as f64 / (types * rounds) as f64))
    }

    fn instructions(&self, types: usize, rounds: usize) -> io::Result<Option<u64>> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(self.command().get_program());
        let output = match valgrind.args([types.to_string(), rounds.to_string()]).output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            output => output?,
        };
        let text = String::from_utf8_lossy(&output.stderr);
        let counted = text.lines().find_map(|line| line.split_once("Collected :"));
        Ok(counted.and_then(|(_, count)| count.trim().parse().ok()))
    }
}

/// The program: `main` calls the first so many functions so many times, as its arguments say; all of them once without.
fn source(with_bus: bool) -> String {
    let mut code = String::from(SHARED);
    let (query, handler) = if with_bus { ("linkbus::Query, ", "#[linkbus::handler]") } else { ("", "") };
    let reply = if with_bus { "#[query(reply = String)]" } else { "" };
    for n in 0..MESSAGES {
        let call = if with_bus { "bus.send(QUERY).unwrap()" } else { "getN(&QUERY, bus)" };
        let call = call.replace("QUERY", "GetN { id: 1, name: String::from(\"x\") }");
        let item =
            format!("#[derive({query}Clone, Debug)]\n{reply}\n{ITEM_STRUCT}\n{handler}\n{ITEM_FN}\n{ITEM_CALL}\n");
        code += &item
            .replace("CALL", &call)
            .replace("REPLY", reply)
            .replace("getN", &format!("get{n}"))
            .replace("GetN", &format!("Get{n}"))
            .replace("callN", &format!("call{n}"));
    }
    let bus = if with_bus { "linkbus::SyncBus" } else { "Store" };
    let built = if with_bus {
        "linkbus::SyncBus::builder().provide(Store::default()).build().unwrap()"
    } else {
        "Store::default()"
    };
    let calls: String = (0..MESSAGES).fold(String::new(), |mut calls, n| {
        let _ = write!(calls, "call{n}, ");
        calls
    });
    write!(code, "type Bus = {bus};\nconst CALLS: &[fn(&Bus) -> usize] = &[{calls}];\n{MAIN}")
        .expect("a String takes all");
    code.replace("BUILT", built)
}

const SHARED: &str = "
#[derive(Default)]
pub struct Store(std::sync::Mutex<std::collections::HashMap<u64, String>>);

impl Store {
    pub fn find(&self, id: u64) -> Option<String> { self.0.lock().unwrap().get(&id).cloned() }
}
";

const ITEM_STRUCT: &str = "pub struct GetN { pub id: u64, pub name: String }";

const ITEM_FN: &str = "pub fn getN(query: &GetN, store: &Store) -> String {
    match store.find(query.id) {
        Some(text) if text.len() > query.name.len() => format!(\"{text} {}\", query.name),
        Some(text) => text,
        None => query.name.to_uppercase(),
    }
}";

const ITEM_CALL: &str = "fn callN(bus: &Bus) -> usize { CALL.len() }";

const MAIN: &str = "
fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let types = arguments.next().unwrap_or(CALLS.len());
    let rounds = arguments.next().unwrap_or(1);
    let bus = BUILT;
    let sum: usize = (0..rounds).map(|_| CALLS[..types].iter().map(|call| call(&bus)).sum::<usize>()).sum();
    println!(\"{sum}\");
}
";
