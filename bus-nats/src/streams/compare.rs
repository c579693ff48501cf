//! What of a stream or a consumer is not as it is wanted. Only what matters to the bus is compared.

use std::fmt::Debug;

use async_nats::jetstream::{
    consumer::{self, pull},
    stream::Config,
};

use crate::error::Difference;

pub(super) fn stream_differences(wanted: &Config, found: &Config) -> Vec<Difference> {
    let mut pair = Pair { what: format!("the stream `{}`", wanted.name), differences: Vec::new() };
    pair.compare("subjects", &wanted.subjects, &found.subjects);
    pair.compare("retention", &wanted.retention, &found.retention);
    pair.compare("storage", &wanted.storage, &found.storage);
    pair.compare("num_replicas", &wanted.num_replicas, &found.num_replicas);
    pair.compare("discard", &wanted.discard, &found.discard);
    pair.compare("max_age", &wanted.max_age, &found.max_age);
    pair.compare("max_bytes", &wanted.max_bytes, &found.max_bytes);
    pair.compare("max_msgs_per_subject", &wanted.max_messages_per_subject, &found.max_messages_per_subject);
    pair.compare("duplicate_window", &wanted.duplicate_window, &found.duplicate_window);
    pair.differences
}

pub(super) fn consumer_differences(what: &str, wanted: &pull::Config, found: &consumer::Config) -> Vec<Difference> {
    let mut pair = Pair { what: what.to_owned(), differences: Vec::new() };
    pair.compare("filter_subject", &wanted.filter_subject, &found.filter_subject);
    pair.compare("ack_policy", &wanted.ack_policy, &found.ack_policy);
    pair.compare("ack_wait", &wanted.ack_wait, &found.ack_wait);
    pair.compare("max_deliver", &wanted.max_deliver, &found.max_deliver);
    pair.compare("max_ack_pending", &wanted.max_ack_pending, &found.max_ack_pending);
    pair.differences
}

struct Pair {
    what: String,
    differences: Vec<Difference>,
}

impl Pair {
    fn compare<T: Debug + PartialEq>(&mut self, setting: &'static str, wanted: &T, found: &T) {
        if wanted != found {
            let (wanted, found) = (format!("{wanted:?}"), format!("{found:?}"));
            self.differences.push(Difference::Differs { what: self.what.clone(), setting, wanted, found });
        }
    }
}
