//! Which handlers the tests have reached.

mod file;
mod report;
mod tally;

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

pub use self::report::{CoverageReport, HandlerCoverage};
use self::{
    file::CoverageFile,
    tally::{Covered, Tally},
};
use crate::{
    flavor::Flavor,
    handler::HandlerFacts,
    layer::{InsideRetry, Layer, Link, Site},
};

/// Names the folder that the coverage of the process is kept in.
const VARIABLE: &str = "LINKBUS_COVERAGE";

/// So many handlers are counted.
const MOST: usize = 10_000;

/// A layer that counts which handlers ran, which failed and which were tried again: what tests never got to has no test.
///
/// Give it last, so that it is the innermost: what a layer inside it does for a handler is taken for the handler's. Keep a clone
/// and ask it for the [report](Self::report). Given to several buses it adds them up; a handler is the same one if it is at
/// the same line. It counts 10,000 handlers, and says how many there were besides.
///
/// For a whole test suite no code is needed: with the environment variable `LINKBUS_COVERAGE` every bus of a program that has
/// the feature `testing` keeps its coverage in that folder, and `linkbus coverage` shows it.
/// [The page on coverage](https://docs.rs/linkbus/latest/linkbus/docs/testing/coverage) says how.
///
/// ```
/// use linkbus::{Command, SyncBus, testing::Coverage};
///
/// #[derive(Command)]
/// struct Pay { cents: u64 }
/// #[derive(Command)]
/// struct Refund;
///
/// let coverage = Coverage::new();
/// let bus = SyncBus::empty()
///     .command(|pay: Pay| if pay.cents > 0 { Ok(()) } else { Err("nothing to pay") })
///     .command(|_: Refund| ())
///     .layer(coverage.clone())
///     .build()
///     .unwrap();
/// bus.execute(Pay { cents: 5 }).unwrap();
///
/// let report = coverage.report();
/// assert_eq!(report.never_ran().next().unwrap().handler.message.short_name(), "Refund");
/// assert_eq!(report.never_failed().next().unwrap().handler.message.short_name(), "Pay");
/// println!("{report}");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Coverage(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tallies: Mutex<Tallies>,
    /// Where that of the process goes.
    file: Option<CoverageFile>,
}

#[derive(Debug, Default)]
struct Tallies {
    by_handler: BTreeMap<Identity, Arc<Tally>>,
    left_out: u64,
}

/// File, line, handler and message: what tells handlers apart, and their order.
type Identity = (&'static str, u32, &'static str, &'static str);

impl Coverage {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        Coverage::default()
    }

    /// That of the process, if it is asked for.
    pub(crate) fn of_process() -> Option<&'static Self> {
        static OF_PROCESS: LazyLock<Option<Coverage>> = LazyLock::new(|| {
            let folder = env::var_os(VARIABLE).filter(|folder| !folder.is_empty())?;
            let file = Some(CoverageFile::new(PathBuf::from(folder)));
            Some(Coverage(Arc::new(Kept { tallies: Mutex::default(), file })))
        });
        OF_PROCESS.as_ref()
    }

    /// What was counted so far, by file and line.
    pub fn report(&self) -> CoverageReport {
        self.0.report()
    }

    /// Brings the file of the process up to date, with the handlers that no bus had before.
    pub(crate) fn save_of_process() {
        if let Some(coverage) = Coverage::of_process() {
            coverage.0.save();
        }
    }

    fn is_of_process(&self) -> bool {
        self.0.file.is_some()
    }

    /// What `handler` is counted by. One of another process is counted there. For the process only what is collected is counted:
    /// closures in tests stand in for others.
    fn tally(&self, handler: &HandlerFacts, is_retryable: bool) -> Option<Arc<Tally>> {
        if handler.is_remote || self.is_of_process() && handler.is_by_hand() {
            return None;
        }
        let mut tallies = self.0.tallies();
        let identity = (handler.location.file, handler.location.line, handler.name, handler.message.name);
        if tallies.by_handler.len() == MOST && !tallies.by_handler.contains_key(&identity) {
            tallies.left_out += 1;
            return None;
        }
        let tally = tallies.by_handler.entry(identity).or_insert_with(|| Arc::new(Tally::new(*handler)));
        if is_retryable {
            tally.set_retryable();
        }
        Some(Arc::clone(tally))
    }
}

impl Kept {
    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> CoverageReport {
        let tallies = self.tallies();
        CoverageReport {
            handlers: tallies.by_handler.values().map(|tally| tally.read()).collect(),
            left_out: tallies.left_out,
        }
    }

    fn save(&self) {
        if let Some(file) = &self.file {
            file.write(|| self.report());
        }
    }
}

/// Whether a retry is around the handler of `site`: outside this layer, or one that the handler asks for.
fn is_retryable(site: &Site<'_>, handler: &HandlerFacts) -> bool {
    let asks_for_one = handler.settings.retry.is_some_and(|retry| retry.max != Some(1));
    handler.message.kind.has_one_handler() && (site.marks::<InsideRetry>() > 0 || asks_for_one)
}

impl<B: Flavor> Layer<B> for Coverage {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        let handlers = site.handlers().iter();
        let tallies = handlers.map(|handler| self.tally(handler, is_retryable(site, handler))).collect::<Vec<_>>();
        let is_inside_retry = site.marks::<InsideRetry>() > 0;
        if self.is_of_process() {
            // It is nobody's layer: what is said of a bus stays as it is.
            let _: Option<Link<B>> = site.pass_over();
        } else if tallies.is_empty() {
            return site.leave_out("nobody handles it");
        }
        if tallies.iter().all(Option::is_none) {
            return None;
        }
        Some(Link::observer(Covered { tallies, kept: Arc::clone(&self.0), is_inside_retry }))
    }
}
