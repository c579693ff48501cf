//! What criterion measured, from the files that it leaves.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use linkbus_peers::{Case, Peer, results::Interval};
use serde_json::Value;

/// By the names of the case and of the peer.
pub(crate) struct Samples(HashMap<(String, String), Sample>);

struct Sample {
    nanoseconds: Interval,
    /// All samples together, in nanoseconds.
    total: f64,
}

/// Samples of single turns tell how long a cold turn takes, so these nanoseconds must come together.
const LEAST: f64 = 10e6;

impl Samples {
    /// Reads the folder that criterion wrote.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut samples = HashMap::new();
        for case in folders(folder)? {
            for peer in folders(&case)? {
                samples.extend(read(&peer.join("new"))?);
            }
        }
        Ok(Self(samples))
    }

    /// What a turn took.
    ///
    /// # Errors
    /// If the samples are too short to tell.
    pub(crate) fn of(&self, peer: &Peer, case: Case) -> io::Result<Option<Interval>> {
        let Some(sample) = self.0.get(&(case.to_string(), peer.name.to_owned())) else { return Ok(None) };
        sample.checked().map(Some).map_err(|error| io::Error::other(format!("{}, {case}: {error}", peer.name)))
    }
}

impl Sample {
    fn checked(&self) -> Result<Interval, String> {
        if self.total < LEAST {
            return Err(format!(
                "all samples together took {:.1} ms, which is no measure; run it again",
                self.total / 1e6
            ));
        }
        Ok(self.nanoseconds)
    }
}

type Named = ((String, String), Sample);

/// `None` in a folder that has no figures.
fn read(folder: &Path) -> io::Result<Option<Named>> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let files = (read("benchmark.json"), read("estimates.json"), read("sample.json"));
    let (Some(benchmark), Some(estimates), Some(sample)) = files else { return Ok(None) };
    let (benchmark, estimates, sample): (Value, Value, Value) =
        (serde_json::from_str(&benchmark)?, serde_json::from_str(&estimates)?, serde_json::from_str(&sample)?);
    let name = |key: &str| benchmark[key].as_str().unwrap_or_default().to_owned();
    let times = sample["times"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let sample = interval(&estimates["median"]).map(|nanoseconds| Sample { nanoseconds, total: times.sum() });
    Ok(sample.map(|sample| ((name("group_id"), name("function_id")), sample)))
}

fn interval(estimate: &Value) -> Option<Interval> {
    let bound = |name: &str| estimate["confidence_interval"][name].as_f64();
    let median = estimate["point_estimate"].as_f64()?;
    Some(Interval { median, low: bound("lower_bound")?, high: bound("upper_bound")? })
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(total: f64) -> Sample {
        Sample { nanoseconds: Interval { median: 2.0, low: 1.0, high: 3.0 }, total }
    }

    #[test]
    fn samples_of_single_turns_are_refused() {
        assert!(sample(20.0 * 110.0).checked().unwrap_err().contains("0.0 ms"));
        assert!(sample(800e6).checked().is_ok());
    }
}
