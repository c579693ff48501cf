//! Where a hub is.

mod folder;

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
};

pub(crate) use self::folder::Reserved;
use crate::error::OpenError;

/// The longest path of a socket.
const MAX_PATH: usize = 107;

/// Where a hub is, after it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    endpoint: String,
    /// The file of the socket.
    path: Option<PathBuf>,
}

impl Address {
    /// The endpoint, if it can be used; otherwise what to write instead.
    pub(crate) fn parse(endpoint: &str, is_unencrypted_allowed: bool) -> Result<Self, OpenError> {
        let fault = |problem| OpenError::Endpoint { endpoint: endpoint.to_owned(), problem };
        let path = match endpoint.split_once("://") {
            Some(("ipc", path)) => Some(socket_path(path).map_err(fault)?),
            Some(("tcp", address)) => {
                let (host, port) = address.rsplit_once(':').ok_or_else(|| fault("write `tcp://127.0.0.1:5555`"))?;
                port.parse::<u16>().map_err(|_| fault("a port is a number from 0 to 65535"))?;
                if host == "localhost" {
                    return Err(fault(
                        "a name may be another machine tomorrow: write `127.0.0.1` instead of `localhost`",
                    ));
                }
                if !(is_loopback(host) || is_unencrypted_allowed) {
                    return Err(OpenError::NotEncrypted { endpoint: endpoint.to_owned() });
                }
                None
            }
            _ => return Err(fault("write `ipc:///run/user/1000/linkbus/shop` or `tcp://127.0.0.1:5555`")),
        };
        Ok(Address { endpoint: endpoint.to_owned(), path })
    }

    /// The endpoint of a socket that has keys, wherever it is.
    pub(crate) fn parse_encrypted(endpoint: &str) -> Result<Self, OpenError> {
        let address = Address::parse(endpoint, true)?;
        match address.path {
            None => Ok(address),
            Some(_) => Err(OpenError::Endpoint {
                endpoint: endpoint.to_owned(),
                problem: "keys are for `tcp://`; nobody else reaches a socket of `ipc://`, and it needs none",
            }),
        }
    }

    /// The one that all processes of this user have when they name none.
    pub(crate) fn of_this_user() -> String {
        format!("ipc://{}", folder::of_this_user().join("default").display())
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Looks whether the folder is safe, which is made if it is not there.
    pub(crate) fn check_folder(&self) -> Result<(), OpenError> {
        match self.path.as_deref().and_then(Path::parent) {
            Some(folder) => folder::check(folder, |source| self.fault(source)),
            None => Ok(()),
        }
    }

    /// Makes sure that this is the only hub here, and that nothing old is in its way.
    pub(crate) fn reserve(&self) -> Result<Option<Reserved>, OpenError> {
        self.check_folder()?;
        let Some(path) = &self.path else { return Ok(None) };
        let reserved = Reserved::take(path, |source| self.fault(source))?;
        reserved.map(Some).ok_or_else(|| OpenError::AlreadyServed { endpoint: self.endpoint.clone() })
    }

    /// Lets nobody else connect, after the socket is bound.
    pub(crate) fn protect(&self) -> Result<(), OpenError> {
        let protected = self.path.as_deref().map_or(Ok(()), folder::protect);
        protected.map_err(|source| self.fault(source))
    }

    pub(crate) fn fault(&self, source: io::Error) -> OpenError {
        match source.kind() {
            io::ErrorKind::AddrInUse => OpenError::AlreadyServed { endpoint: self.endpoint.clone() },
            _ => OpenError::System { endpoint: self.endpoint.clone(), source },
        }
    }
}

fn socket_path(path: &str) -> Result<PathBuf, &'static str> {
    let is_plain = |path: &Path| path.components().all(|part| part != std::path::Component::ParentDir);
    match Path::new(path) {
        path if !path.is_absolute() => Err("the path begins with `/`: `ipc:///run/user/1000/linkbus/shop`"),
        path if !is_plain(path) => Err("the path has no `..`"),
        path if path.file_name().is_none() => Err("the path names a file, in a folder of its own"),
        path if path.as_os_str().len() > MAX_PATH => Err("the path has 107 bytes at most"),
        path => Ok(path.to_owned()),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(endpoint: &str) -> String {
        Address::parse(endpoint, false).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_what_to_write() {
        for endpoint in
            ["", "shop", "inproc://shop", "TCP://127.0.0.1:1", "ipc://", "ipc://shop", "ipc://@shop", "ipc:///"]
        {
            assert!(fault(endpoint).contains("is no endpoint"), "{endpoint}");
        }
        assert!(fault("ipc:///run/../etc/shop").contains("no `..`"));
        assert!(fault("tcp://localhost:5555").contains("write `127.0.0.1`"));
        assert!(fault("tcp://127.0.0.1:65536").contains("a port is a number"));
        assert!(fault(&format!("ipc:///{}", "x".repeat(107))).contains("107 bytes"));
    }

    #[test]
    fn only_addresses_of_this_machine_are_plain() {
        for endpoint in ["tcp://127.0.0.1:5555", "tcp://127.9.9.9:5555", "tcp://[::1]:5555"] {
            assert!(Address::parse(endpoint, false).is_ok(), "{endpoint}");
        }
        // A name may mean another machine tomorrow.
        for endpoint in ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://10.0.0.1:5555", "tcp://[::]:5555", "tcp://eth0:1"]
        {
            assert!(fault(endpoint).contains("dangerously_without_encryption"), "{endpoint}");
            assert!(Address::parse(endpoint, true).is_ok(), "{endpoint}");
        }
    }
}
