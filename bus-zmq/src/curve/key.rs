//! Keys, and the files that they are kept in.

use std::{
    fmt, fs,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
};

use omq_tokio::{CurveKeypair, CurvePublicKey, CurveSecretKey};
use rustix::{fs::OFlags, process::geteuid};
use zeroize::Zeroizing;

/// How many characters a key has as text.
const TEXT: usize = 40;

/// One more than a key and the end of its line: what is longer is none.
const MOST: usize = TEXT + 3;

/// What a process gives away, so that others know it.
///
/// As text it has the 40 characters of Z85 (ZeroMQ RFC 32), as `zmq_curve_keypair` and pyzmq write them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub(crate) CurvePublicKey);

impl PublicKey {
    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        PublicKey(CurvePublicKey::from_bytes(bytes))
    }

    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        *self.0.as_bytes()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_z85())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        CurvePublicKey::from_z85(text).map(PublicKey).map_err(|_| KeyError::Text)
    }
}

/// What only one process has, by which it proves who it is.
///
/// Its bytes are overwritten when it is dropped, and so is what [`load`](Self::load) and [`save`](Self::save) have of its text. What
/// `omq-tokio` has of them while it decodes a text or shakes hands is not in our hands; nor is memory that the system swaps out.
///
/// # Examples
/// ```
/// use bus_zmq::SecretKey;
///
/// # fn main() -> Result<(), bus_zmq::KeyError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("hub.key");
/// // let file = "/etc/shop/hub.key";
/// let key = SecretKey::generate();
/// key.save(&file)?;
/// assert_eq!(SecretKey::load(&file)?.public_key(), key.public_key());
/// assert_eq!(format!("{key:?}"), format!("SecretKey(of {})", key.public_key()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(pub(crate) CurveSecretKey);

impl SecretKey {
    /// A new one, from the random numbers of the system.
    pub fn generate() -> Self {
        SecretKey(CurveKeypair::generate().secret)
    }

    /// What belongs to it and may be given away.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.derive_public())
    }

    /// The secret itself, as the 40 characters of Z85. They are not overwritten when they are dropped.
    pub fn reveal(&self) -> String {
        self.0.to_z85()
    }

    /// The key in a file: its text, which white space may follow. What is no file, such as a pipe, is not waited for.
    ///
    /// # Errors
    /// [`KeyError::File`] if it is a folder or a pipe, if others than its owner may use the file, or that is somebody else than this
    /// user and root (a mode of 0600 is right); [`KeyError::Text`] if there is no key in it; [`KeyError::System`] if it cannot be read.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = file.as_ref();
        let fault = |source| KeyError::System { file: path.to_owned(), source };
        let mut file = open(path).map_err(fault)?;
        if let Some(problem) = problem(&file.metadata().map_err(fault)?) {
            return Err(KeyError::File { file: path.to_owned(), problem });
        }
        let text = read(&mut file).map_err(fault)?;
        str::from_utf8(&text[..]).map_err(|_| KeyError::Text)?.trim_end().parse()
    }

    /// Writes it to a new file, which only this user may use (mode 0600).
    ///
    /// # Errors
    /// [`KeyError::System`] if there is such a file, or it cannot be written.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<(), KeyError> {
        let path = file.as_ref();
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            let text = Zeroizing::new(self.reveal());
            writeln!(file, "{}", *text)?;
            file.sync_all()
        };
        write().map_err(|source| KeyError::System { file: path.to_owned(), source })
    }
}

/// Opens a file, and does not wait for somebody at the other end if it is a pipe.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// What a file begins with, and white space.
fn read(file: &mut File) -> io::Result<Zeroizing<[u8; MOST]>> {
    let mut text = Zeroizing::new([b' '; MOST]);
    let mut length = 0;
    while length < MOST {
        match file.read(&mut text[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(text)
}

/// Why a file is no place for a secret.
fn problem(found: &fs::Metadata) -> Option<&'static str> {
    if !found.is_file() {
        Some("it is a folder, a pipe or a device: give the path of a file, such as `SecretKey::save` writes")
    } else if ![geteuid().as_raw(), 0].contains(&found.uid()) {
        Some("it belongs to another user: take one of your own, with a new key")
    } else if found.mode() & 0o077 != 0 {
        Some("others may use it: `chmod 600` it, and take a new key if it has been so for long")
    } else {
        None
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public_key())
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        CurveSecretKey::from_z85(text).map(SecretKey).map_err(|_| KeyError::Text)
    }
}

/// Why there is no key. It never holds what was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is no key.
    #[error("it is no key: one has 40 characters of Z85, as `SecretKey::reveal` and `PublicKey::to_string` give them")]
    Text,
    /// The file is no place for a secret.
    #[error("`{}` cannot hold a secret key: {problem}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// The system refused.
    #[error("cannot use `{}` for a secret key", file.display())]
    System {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
