//! Certificates for servers and clients, made for one test.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A root, and certificates that it vouches for.
pub(crate) struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let certificates = Certificates { folder: tempfile::tempdir().unwrap() };
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        fs::write(certificates.root(), root.pem()).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let address = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
            fs::write(certificates.of(name), address.signed_by(&key, &root).unwrap().pem()).unwrap();
            fs::write(certificates.key_of(name), key.serialize_pem()).unwrap();
        }
        certificates
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.of("root")
    }

    pub(crate) fn of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).with_extension("pem")
    }

    pub(crate) fn key_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).with_extension("key")
    }

    /// What a server is told, and `more`.
    pub(crate) fn server(&self, more: &str) -> String {
        let [root, certificate, key] = [self.root(), self.of("server"), self.key_of("server")];
        format!(
            "tls {{ ca_file: '{}', cert_file: '{}', key_file: '{}', timeout: 60, {more} }}",
            root.display(),
            certificate.display(),
            key.display()
        )
    }
}
