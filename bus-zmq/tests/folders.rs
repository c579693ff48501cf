//! Where sockets are, and who may use them: T4, T5.

mod support;

use std::{
    fs,
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink},
        process::CommandExt as _,
    },
    process::Command,
};

use bus_zmq::{OpenError, Zmq};

use self::support::{Place, soon};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[tokio::test]
async fn folder_and_socket_are_for_this_user_only_and_nothing_is_left_of_them() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let socket = place.folder().join("bus");
    assert_eq!((mode(&place.folder()), mode(&socket), mode(&place.folder().join("bus.lock"))), (0o700, 0o600, 0o600));
    soon(hub.close()).await;
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_hub_is_an_error_and_takes_nothing_away() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let error = place.hub().start().unwrap_err();
    assert!(matches!(error, OpenError::AlreadyServed { .. }), "{error:?}");
    assert!(error.to_string().contains("clients and workers may be many, a hub is one"), "{error}");
    soon(place.client().connect().unwrap().ready()).await.unwrap();
    soon(hub.close()).await;
    soon(place.hub().start().unwrap().close()).await;

    let tcp = || Zmq::hub().endpoint("tcp://127.0.0.1:45917").start();
    if let Ok(hub) = tcp() {
        assert!(matches!(tcp().unwrap_err(), OpenError::AlreadyServed { .. }));
        soon(hub.close()).await;
    }
}

#[tokio::test]
async fn the_socket_of_a_hub_that_was_killed_is_taken_over() {
    let place = Place::new();
    fs::DirBuilder::new().mode(0o700).create(place.folder()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(place.folder().join("bus")).unwrap());
    let hub = place.hub().start().unwrap();
    soon(place.client().connect().unwrap().ready()).await.unwrap();
    soon(hub.close()).await;
}

#[tokio::test]
async fn the_socket_of_a_program_that_listens_is_left_to_it() {
    let place = Place::new();
    fs::DirBuilder::new().mode(0o700).create(place.folder()).unwrap();
    let path = place.folder().join("bus");
    let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let error = place.hub().start().unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(path.exists());
    drop(other);
    soon(place.hub().start().unwrap().close()).await;
}

fn problem(error: OpenError) -> &'static str {
    match error {
        OpenError::Folder { problem, .. } => problem,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_folder_that_others_may_use_is_refused_by_everybody() {
    let place = Place::new();
    fs::DirBuilder::new().mode(0o700).create(place.folder()).unwrap();
    for open in [0o750, 0o701, 0o777] {
        fs::set_permissions(place.folder(), fs::Permissions::from_mode(open)).unwrap();
        assert!(problem(place.hub().start().unwrap_err()).contains("chmod 700"), "{open:o}");
        assert!(problem(place.client().connect().unwrap_err()).contains("chmod 700"), "{open:o}");
    }
}

#[test]
fn what_somebody_put_there_before_is_refused() {
    let place = Place::new();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), place.folder()).unwrap();
    assert!(problem(place.hub().start().unwrap_err()).contains("symbolic link"));
    fs::remove_file(place.folder()).unwrap();

    fs::write(place.folder(), "").unwrap();
    assert_eq!(problem(place.hub().start().unwrap_err()), "it is no folder");
    fs::remove_file(place.folder()).unwrap();

    fs::DirBuilder::new().mode(0o700).create(place.folder()).unwrap();
    let socket = place.folder().join("bus");
    fs::write(&socket, "precious").unwrap();
    let error = place.hub().start().unwrap_err();
    assert!(matches!(error, OpenError::Occupied { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&socket).unwrap(), "precious");

    fs::remove_file(&socket).unwrap();
    symlink(elsewhere.path().join("victim"), place.folder().join("bus.lock")).unwrap();
    assert!(matches!(place.hub().start().unwrap_err(), OpenError::System { .. }));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing was made where the link points to");
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let place = Place::new();
    fs::DirBuilder::new().mode(0o700).create(place.folder()).unwrap();
    if chown(place.folder(), Some(65_534), None).is_err() {
        println!("SKIPPED: this user may not give folders away");
        return;
    }
    assert!(problem(place.client().connect().unwrap_err()).contains("another user"));
}

#[tokio::test]
async fn another_user_does_not_reach_the_socket() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    fs::set_permissions(place.folder().parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let reach = || Command::new("stat").arg(place.folder().join("bus")).uid(65_534).gid(65_534).output();
    let Ok(output) = reach() else { return println!("SKIPPED: this user may not act as another") };
    assert!(!output.status.success(), "{output:?}");
    // It was the folder that kept him out.
    fs::set_permissions(place.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(reach().unwrap().status.success());
    soon(hub.close()).await;
}

#[test]
fn other_machines_are_refused_unless_it_is_said_loudly() {
    let error = Zmq::hub().endpoint("tcp://0.0.0.0:45918").start().unwrap_err();
    assert!(matches!(error, OpenError::NotEncrypted { .. }), "{error:?}");
    for way in ["`.curve(..)` (feature `curve` of bus-zmq)", "dangerously_without_encryption"] {
        assert!(error.to_string().contains(way), "{error}");
    }
    assert!(Zmq::client().endpoint("tcp://192.0.2.1:45918").connect().is_err());
    let forced = Zmq::client().endpoint("tcp://192.0.2.1:45918").dangerously_without_encryption();
    assert!(forced.connect().is_ok());
}

/// Another process, because what is the default is read from the environment.
#[test]
fn the_default_is_the_same_for_all_processes_of_a_user() {
    const CHILD: &str = "LINKBUS_DEFAULT_ENDPOINT";
    if std::env::var_os(CHILD).is_some() {
        let hub = Zmq::hub().start().unwrap();
        let client = Zmq::client().connect().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            soon(client.ready()).await.unwrap();
            println!("at {}", std::env::var("XDG_RUNTIME_DIR").unwrap());
            assert!(std::path::Path::new(&std::env::var("XDG_RUNTIME_DIR").unwrap()).join("linkbus/default").exists());
            soon(hub.close()).await;
        });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "the_default_is_the_same_for_all_processes_of_a_user"]);
    let status = child.env(CHILD, "1").env("XDG_RUNTIME_DIR", folder.path()).status().unwrap();
    assert!(status.success());
}
