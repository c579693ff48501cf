//! What can go wrong when a client or a worker is opened.

use std::{error::Error, fmt, io, path::PathBuf};

/// Why a client or a worker could not be opened. None of them tells a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A setting cannot be used.
    #[error("`{value}` cannot be the {setting}: {problem}")]
    Setting {
        /// Which: `prefix`.
        setting: &'static str,
        /// As it was given.
        value: String,
        /// What is wrong, and what to write instead.
        problem: &'static str,
    },
    /// The file with the credentials cannot be read.
    #[error("the credentials in `{}` cannot be read", path.display())]
    Credentials {
        /// Where they should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file with certificates or a key cannot be read.
    #[error("the certificate or key in `{}` cannot be read", path.display())]
    Certificate {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No server can be reached.
    #[error("cannot connect to {servers}: is a server there?")]
    Connect {
        /// Where one was looked for, without credentials.
        servers: String,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is a server, and no encrypted connection with it.
    #[error(
        "no encrypted connection to {servers}: do `NatsConfig::root_certificates` vouch for the server, and does it want a `client_certificate`?"
    )]
    Encryption {
        /// Where it was tried, without credentials.
        servers: String,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server does not let this program in.
    #[error("{servers} does not let this program in: are the credentials in `NatsConfig` those that it wants?")]
    Login {
        /// Where it was tried, without credentials.
        servers: String,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server lets this program in, and does not permit what it needs.
    #[error("the server lets this program in, and does not permit what it needs")]
    Permission {
        /// What it does not permit, and what to do.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server is too old.
    #[error("the server has version {version}, and at least {needed} is needed: update it")]
    TooOld {
        /// What it has.
        version: String,
        /// What is needed.
        needed: &'static str,
    },
    /// The server has no JetStream, or not for this account.
    #[error(
        "the server has no JetStream for this account: turn it on with `jetstream {{}}` in its configuration, or `-js`"
    )]
    NoJetStream {
        /// What it says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Streams or consumers are not as they should be. They are never changed: that is for whoever owns the server.
    #[error("{0}")]
    Differences(Differences),
    /// The server refused or did not answer.
    #[error("{what} failed")]
    Request {
        /// What it was asked for.
        what: String,
        /// What it says.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl OpenError {
    pub(crate) fn request(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        OpenError::Request { what: what.into(), source: source.into() }
    }
}

/// All in which streams or consumers are not as they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences(pub Vec<Difference>);

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// It is not there, and may not be made.
    Missing {
        /// Which: ``the stream `linkbus_cmd` ``.
        what: String,
    },
    /// A setting of it differs.
    Differs {
        /// Of what: ``the stream `linkbus_cmd` ``.
        what: String,
        /// Which setting, as the server calls it.
        setting: &'static str,
        /// What it should be.
        wanted: String,
        /// What it is.
        found: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing { what } => {
                write!(f, "{what} is missing: make it, or leave out `NatsConfig::verify_only`")
            }
            Difference::Differs { what, setting, wanted, found } => {
                write!(f, "`{setting}` of {what} is {found}, and {wanted} is wanted")
            }
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the server is not as it is wanted, and nothing was changed; change it with its own tools, or change `NatsConfig`:",
        )?;
        self.0.iter().try_for_each(|difference| write!(f, "\n- {difference}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_differences_are_told_each_on_a_line() {
        let what = "the stream `linkbus_cmd`".to_owned();
        let differs =
            Difference::Differs { what: what.clone(), setting: "num_replicas", wanted: "3".into(), found: "1".into() };
        let text = OpenError::Differences(Differences(vec![Difference::Missing { what }, differs])).to_string();
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with("`num_replicas` of the stream `linkbus_cmd` is 1, and 3 is wanted"), "{text}");
    }
}
