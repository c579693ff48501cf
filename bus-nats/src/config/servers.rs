//! Where servers are.

use std::fmt;

use super::Login;
use crate::names::percent_decoded;

/// Where servers are. An address may hold a login, which is not shown.
#[derive(Clone)]
pub(crate) struct Servers(pub(crate) Vec<String>);

/// The parts of `nats://me:s3cr3t@there:4222`.
struct Address<'a> {
    scheme: &'a str,
    login: Option<&'a str>,
    host: &'a str,
}

impl<'a> Address<'a> {
    fn of(server: &'a str) -> Self {
        let (scheme, rest) = server.split_once("://").unwrap_or(("nats", server));
        match rest.rsplit_once('@') {
            Some((login, host)) => Address { scheme, login: Some(login), host },
            None => Address { scheme, login: None, host: rest },
        }
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)
    }
}

impl Servers {
    fn addresses(&self) -> impl Iterator<Item = Address<'_>> {
        self.0.iter().map(|server| Address::of(server))
    }

    /// The addresses without logins: what is connected to is written to logs.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.addresses().map(|address| address.to_string()).collect()
    }

    /// The login in the first address that has one: a name and a password, or a token.
    pub(crate) fn login(&self) -> Option<Login> {
        let login = self.addresses().find_map(|address| address.login)?;
        let decoded = |text: &str| percent_decoded(text).unwrap_or_else(|| text.to_owned());
        Some(match login.split_once(':') {
            Some((user, password)) => Login::Password { user: decoded(user), password: decoded(password) },
            None => Login::Token(decoded(login)),
        })
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, address) in self.addresses().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}`{address}`")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_of_an_address_is_taken_out_of_it() {
        let servers = Servers(vec!["there".into(), "tls://me:s%403cr3t@here:4222".into()]);
        assert_eq!(servers.hosts(), ["nats://there", "tls://here:4222"]);
        let login = servers.login();
        assert!(matches!(login, Some(Login::Password { user, password }) if (&*user, &*password) == ("me", "s@3cr3t")));
        let login = Servers(vec!["nats://t0ken@there".into()]).login();
        assert!(matches!(login, Some(Login::Token(token)) if token == "t0ken"));
    }
}
