//! What messages with a key are called on the server.

use std::fmt::Write as _;

use linkbus::{Kind, transport::Key};
use sha2::{Digest as _, Sha256};

use super::{EMPTY, MARK, encoded, in_consumer, subject};

/// What is before the key in a subject, and behind the name of a message in that of a consumer. No name has it: where one has `=`,
/// two digits follow, or nothing.
const KEY: &str = "=key";
/// What a hash begins with. No value does.
const HASH: &str = "=sha256-";
/// The bytes of a hash that are written.
const HASH_BYTES: usize = 16;
/// A key with more bytes is hashed.
const MAX_KEY: usize = 64;

/// The subject of a message with a key: `linkbus.cmd.shop.Ship.=key.17`.
pub(crate) fn with_key(prefix: &str, kind: Kind, name: &str, key: &Key) -> String {
    format!("{}.{KEY}.{}", subject(prefix, kind, name), token(key))
}

/// The subjects of all messages of a name that have a key: `linkbus.cmd.shop.Ship.=key.*`.
pub(crate) fn with_any_key(prefix: &str, kind: Kind, name: &str) -> String {
    format!("{}.{KEY}.*", subject(prefix, kind, name))
}

/// The consumer of messages that have a key, without the group: `shop_Ship=key`.
pub(crate) fn keyed_in_consumer(name: &str) -> String {
    format!("{}{KEY}", in_consumer(name))
}

/// Where it is noted how far a consumer is with a key, which is the last part of a subject: `linkbus.order.shop_Ship=key.17`.
pub(crate) fn order(prefix: &str, consumer: &str, subject: &str) -> String {
    let key = subject.rsplit('.').next().unwrap_or_default();
    format!("{prefix}.order.{consumer}.{key}")
}

/// A key as one part of a subject. What may not be seen, or is too long, is hashed.
fn token(key: &Key) -> String {
    match key.text() {
        text if key.is_secret() || text.len() > MAX_KEY => hash(text),
        "" => EMPTY.to_owned(),
        text => encoded(text, MARK, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')),
    }
}

fn hash(text: &str) -> String {
    let mut token = HASH.to_owned();
    for byte in &Sha256::digest(text)[..HASH_BYTES] {
        // A string takes everything.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn usual_keys_are_readable() {
        let ship = |key: &str| with_key("linkbus", Kind::Command, "shop.Ship", &Key::new(key));
        assert_eq!(ship("17"), "linkbus.cmd.shop.Ship.=key.17");
        assert_eq!(ship("a.b c*"), "linkbus.cmd.shop.Ship.=key.a=2Eb=20c=2A");
        assert_eq!(ship(""), "linkbus.cmd.shop.Ship.=key.=");
        assert_eq!(with_any_key("linkbus", Kind::Event, "shop.Shipped"), "linkbus.evt.shop.Shipped.=key.*");
        assert_eq!(order("linkbus", &keyed_in_consumer("shop.Ship"), &ship("17")), "linkbus.order.shop_Ship=key.17");
    }

    /// What other programs compute must not change: `printf %s s3cr3t | sha256sum`.
    #[test]
    fn a_secret_and_a_long_key_are_the_beginning_of_their_sha_256() {
        let secret = token(&Key::new("s3cr3t").secret());
        assert_eq!(secret, "=sha256-4e738ca5563c06cfd0018299933d58db");
        assert_eq!(token(&Key::new("k".repeat(MAX_KEY))), "k".repeat(MAX_KEY));
        assert!(token(&Key::new("k".repeat(MAX_KEY + 1))).starts_with(HASH));
    }

    #[test]
    fn no_two_keys_become_one_and_none_is_a_name() {
        let keys = ["", "=", "a", "a.b", "a=2Eb", "=sha256-00", "ä", "*", ">", "=key", " "];
        let tokens: HashSet<_> = keys.iter().map(|key| token(&Key::new(*key))).collect();
        assert_eq!(tokens.len(), keys.len());
        assert!(tokens.iter().all(|token| !token.contains(['.', '*', '>', ' ']) && !token.is_empty()), "{tokens:?}");
        let name = subject("linkbus", Kind::Command, "shop.Ship.=key.a");
        assert_ne!(name, with_key("linkbus", Kind::Command, "shop.Ship", &Key::new("a")));
        assert_ne!(in_consumer("shop.Ship=key"), keyed_in_consumer("shop.Ship"));
    }
}
