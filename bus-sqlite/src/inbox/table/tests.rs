//! What the tables do, at times that the test says.

use linkbus::Uuid;

use super::*;

const LEASE: i64 = 5;
const WINDOW: i64 = 100;

fn by(holder: i64, now: i64) -> Claimant {
    Claimant { holder, now, lease: LEASE, window: WINDOW }
}

fn key(text: &str) -> InboxKey {
    InboxKey::new("Pay", text).unwrap()
}

fn held(text: &str, token: i64) -> Held {
    Held { key: key(text), token, dispatch: Uuid::nil() }
}

/// Does it in a file that is there for so long.
fn with_table(work: impl FnOnce(&Transaction<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = open(&folder.path().join("inbox.db"), Duration::ZERO).unwrap();
    work(&connection.transaction().unwrap());
}

fn new(token: i64, after: Before) -> Claimed {
    Claimed::New { token, after }
}

#[test]
fn a_claim_is_held_until_its_lease_is_over() {
    with_table(|it| {
        assert_eq!(claim(it, &key("1"), by(1, 1_000)).unwrap(), new(1, Before::Nothing));
        assert_eq!(claim(it, &key("1"), by(2, 1_004)).unwrap(), Claimed::Busy);
        assert_eq!(claim(it, &key("2"), by(2, 1_004)).unwrap(), new(2, Before::Nothing));
        assert_eq!(claim(it, &key("1"), by(2, 1_005)).unwrap(), new(3, Before::TakenOver));
    });
}

#[test]
fn what_is_renewed_is_held_for_longer() {
    with_table(|it| {
        claim(it, &key("1"), by(1, 1_000)).unwrap();
        renew(it, &held("1", 1), 1_050).unwrap();
        assert_eq!(claim(it, &key("1"), by(2, 1_049)).unwrap(), Claimed::Busy);
    });
}

/// It was stopped, and runs again: the copy that runs beside it would be its own.
#[test]
fn nobody_takes_over_from_itself() {
    with_table(|it| {
        claim(it, &key("1"), by(1, 1_000)).unwrap();
        assert_eq!(claim(it, &key("1"), by(1, 1_090)).unwrap(), Claimed::Busy);
    });
}

#[test]
fn who_was_taken_over_is_refused_whatever_it_does() {
    with_table(|it| {
        claim(it, &key("1"), by(1, 1_000)).unwrap();
        claim(it, &key("1"), by(2, 1_010)).unwrap();
        assert_eq!(complete(it, &held("1", 1), 1_011).unwrap(), Ended::Fenced);
        release(it, &held("1", 1)).unwrap();
        renew(it, &held("1", 1), 9_000).unwrap();
        assert_eq!(claim(it, &key("1"), by(3, 1_014)).unwrap(), Claimed::Busy);
        assert_eq!(complete(it, &held("1", 2), 1_014).unwrap(), Ended::Done);
        assert_eq!(claim(it, &key("1"), by(3, 1_050)).unwrap(), Claimed::Done);
    });
}

/// A number that begins anew with each row would be that of the first again.
#[test]
fn a_token_is_never_given_twice() {
    with_table(|it| {
        claim(it, &key("1"), by(1, 1_000)).unwrap();
        claim(it, &key("1"), by(2, 1_010)).unwrap();
        release(it, &held("1", 2)).unwrap();
        assert_eq!(claim(it, &key("1"), by(3, 1_011)).unwrap(), new(3, Before::Nothing));
        assert_eq!(complete(it, &held("1", 1), 1_012).unwrap(), Ended::Fenced);
    });
}

#[test]
fn what_is_done_is_not_released_and_may_be_marked_again() {
    with_table(|it| {
        claim(it, &key("1"), by(1, 1_000)).unwrap();
        complete(it, &held("1", 1), 1_001).unwrap();
        release(it, &held("1", 1)).unwrap();
        assert_eq!(claim(it, &key("1"), by(1, 1_002)).unwrap(), Claimed::Done);
        assert_eq!(complete(it, &held("1", 1), 1_003).unwrap(), Ended::Done);
    });
}

#[test]
fn what_was_done_before_the_window_counts_no_more() {
    with_table(|it| {
        claim(it, &key("1"), by(1, 1_000)).unwrap();
        complete(it, &held("1", 1), 1_000).unwrap();
        assert_eq!(claim(it, &key("1"), by(1, 1_100)).unwrap(), Claimed::Done);
        assert_eq!(claim(it, &key("1"), by(1, 1_101)).unwrap(), new(2, Before::Expired));
    });
}

#[test]
fn the_oldest_are_forgotten_first_and_no_more_than_the_limit() {
    with_table(|it| {
        for (token, text) in (1..).zip(["1", "2", "3", "4"]) {
            claim(it, &key(text), by(1, 1_000)).unwrap();
            complete(it, &held(text, token), 1_000 + token).unwrap();
        }
        assert_eq!(forget(it, 1_004, 2).unwrap(), 2);
        assert_eq!(claim(it, &key("3"), by(1, 1_010)).unwrap(), Claimed::Done);
        assert_eq!(forget(it, 1_004, 9).unwrap(), 1);
        assert_eq!(forget(it, 1_004, 9).unwrap(), 0);
    });
}

#[test]
fn a_file_of_a_later_version_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inbox.db");
    let connection = open(&file, Duration::ZERO).unwrap();
    connection.execute("UPDATE linkbus_inbox_meta SET version = 2", []).unwrap();
    drop(connection);
    for _ in 0..2 {
        let error = open(&file, Duration::ZERO).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("use the version of `bus-sqlite` that made it"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_is_made() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let mut connection = open(&folder.path().join("inbox.db"), Duration::ZERO).unwrap();
    let transaction = connection.transaction().unwrap();
    claim(&transaction, &key("1"), by(1, 1_000)).unwrap();
    transaction.commit().unwrap();
    let modes = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().permissions());
    let modes: Vec<_> = modes.map(|permissions| permissions.mode() & 0o777).collect();
    assert_eq!(modes, [0o600; 3]);
}
