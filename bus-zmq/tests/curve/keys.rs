//! Keys as texts and in files.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use bus_zmq::{KeyError, PublicKey, SecretKey};
use rustix::fs::{CWD, FileType, Mode, mknodat};

#[test]
fn a_key_is_the_same_after_it_was_written_and_read() {
    let secret = SecretKey::generate();
    assert_eq!(secret.reveal().len(), 40);
    assert!(secret.reveal().parse::<SecretKey>().unwrap() == secret);
    let public = secret.public_key();
    assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
    assert_eq!(PublicKey::from_bytes(public.to_bytes()), public);
}

/// The keys of the examples of ZeroMQ (RFC 26 names no others), as libzmq has them in its tests.
#[test]
fn keys_are_those_of_libzmq() {
    let secret: SecretKey = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6".parse().unwrap();
    assert_eq!(secret.public_key().to_string(), "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    for text in ["", "x", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh~"] {
        let error = text.parse::<SecretKey>().unwrap_err();
        assert!(matches!(error, KeyError::Text), "{error:?}");
        assert!(error.to_string().contains("40 characters of Z85"));
        assert!(text.parse::<PublicKey>().is_err());
    }
}

#[test]
fn a_secret_is_not_in_what_debug_shows() {
    let secret = SecretKey::generate();
    let server = bus_zmq::Curve::server(secret.clone()).allow([SecretKey::generate().public_key()]);
    let client = bus_zmq::Curve::client(secret.clone(), SecretKey::generate().public_key());
    let shown = format!("{secret:?} {server:?} {client:?} {:?}", bus_zmq::Zmq::client().curve(client.clone()));
    assert!(!shown.contains(&secret.reveal()), "{shown}");
    assert!(shown.contains(&secret.public_key().to_string()), "{shown}");
}

#[test]
fn a_file_that_others_may_use_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let secret = SecretKey::generate();
    secret.save(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert!(SecretKey::load(&file).unwrap() == secret);
    for open in [0o640, 0o604, 0o666, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
        let error = SecretKey::load(&file).unwrap_err();
        assert!(matches!(error, KeyError::File { .. }), "{open:o}: {error:?}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    assert!(matches!(secret.save(&file).unwrap_err(), KeyError::System { .. }), "no file is overwritten");
    assert!(matches!(SecretKey::load(folder.path().join("none")).unwrap_err(), KeyError::System { .. }));
}

#[test]
fn a_file_with_more_than_a_key_holds_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let secret = SecretKey::generate();
    secret.save(&file).unwrap();
    fs::write(&file, format!("{}\n{}\n", secret.reveal(), secret.reveal())).unwrap();
    assert!(matches!(SecretKey::load(&file).unwrap_err(), KeyError::Text));
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for path in [folder.path(), &pipe] {
        let error = SecretKey::load(path).unwrap_err();
        assert!(matches!(error, KeyError::File { .. }), "{error:?}");
        assert!(error.to_string().contains("a folder, a pipe or a device: give the path of a file"), "{error}");
    }
}

#[test]
fn a_file_that_is_not_text_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    SecretKey::generate().save(&file).unwrap();
    for bytes in [&[0xff; 40][..], &[0; 40], b""] {
        fs::write(&file, bytes).unwrap();
        assert!(matches!(SecretKey::load(&file).unwrap_err(), KeyError::Text));
    }
}
