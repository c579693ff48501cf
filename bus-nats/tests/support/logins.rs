//! A server that knows its users by what an operator signed: what `nsc` makes, for one test.

use std::fs;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An operator with one account for the system and one for programs.
pub(crate) struct Operator {
    folder: tempfile::TempDir,
    account: KeyPair,
    /// What the server is told.
    pub(crate) server: String,
}

impl Operator {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (operator, system, account) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
        let file = folder.path().join("operator.jwt");
        fs::write(&file, signed(&operator, &operator, &json!({ "type": "operator", "version": 2 }))).unwrap();
        let limits = |storage: i64| {
            let storage = json!({ "mem_storage": storage, "disk_storage": storage, "streams": -1, "consumer": -1 });
            let mut limits = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1, "wildcards": true });
            limits.as_object_mut().unwrap().extend(storage.as_object().unwrap().clone());
            json!({ "type": "account", "version": 2, "limits": limits })
        };
        let preload = [(&system, 0), (&account, -1)]
            .map(|(of, storage)| format!("{}: {}", of.public_key(), signed(&operator, of, &limits(storage))));
        let server = format!(
            "operator: '{}'\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {} }}",
            file.display(),
            system.public_key(),
            preload.join(", ")
        );
        Operator { folder, account, server }
    }

    /// A file of credentials of a user, which is signed by the account or by another one.
    pub(crate) fn credentials(&self, name: &str, is_known: bool) -> std::path::PathBuf {
        let (user, stranger) = (KeyPair::new_user(), KeyPair::new_account());
        let issuer = if is_known { &self.account } else { &stranger };
        let limits = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        let (token, seed) = (signed(issuer, &user, &limits), user.seed().unwrap());
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// What `issuer` says of `subject`, as a token (JWT) of version 2 of NATS.
fn signed(issuer: &KeyPair, subject: &KeyPair, facts: &Value) -> String {
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let (issuer_key, subject_key) = (issuer.public_key(), subject.public_key());
    let claims =
        json!({ "jti": subject_key, "iat": 1, "iss": issuer_key, "name": "tested", "sub": subject_key, "nats": facts });
    let text = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}
