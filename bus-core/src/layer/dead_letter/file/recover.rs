//! Reading a folder of segments after whatever happened to it.

use std::path::PathBuf;

use super::{
    super::DeadLetter,
    Damage, OpenError, Recovery,
    format::{self, Beginning, Record, Scan},
    index::{Entry, Index, Segment},
    tidy::id_of,
};
use crate::files::Fs;

/// `letters-0000000007.log`
pub(super) fn name_of(segment: u64) -> String {
    format!("letters-{segment:010}.log")
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("letters-")?.strip_suffix(".log")?.parse().ok()
}

/// What is in the folder, when what was half written is cut off; and what survives a power loss from now on.
pub(super) fn recover(fs: &dyn Fs) -> Result<(Index, Recovery), OpenError> {
    let mut recovery = Recovery::default();
    let mut index = Index::default();
    let names = fs.names().map_err(|source| OpenError::Io { doing: "list", path: PathBuf::from("."), source })?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    for number in numbers {
        segment(fs, number, &mut index, &mut recovery)?;
    }
    fs.sync_folder().map_err(|source| OpenError::Io { doing: "sync", path: PathBuf::from("."), source })?;
    recovery.letters = index.len();
    Ok((index, recovery))
}

fn segment(fs: &dyn Fs, number: u64, index: &mut Index, recovery: &mut Recovery) -> Result<(), OpenError> {
    let name = name_of(number);
    let failed = |doing| {
        let path = PathBuf::from(&name);
        move |source| OpenError::Io { doing, path, source }
    };
    let bytes = fs.read(&name).map_err(failed("read"))?;
    match format::beginning(&bytes) {
        Beginning::Ours => {}
        Beginning::Unfinished => {
            recovery.torn.push(Damage { file: name.clone(), offset: 0, bytes: bytes.len() as u64 });
            return fs.remove(&name).map_err(failed("remove"));
        }
        Beginning::OtherVersion => return Err(OpenError::OtherVersion { path: name.into() }),
        Beginning::Foreign => return Err(OpenError::NotLetters { path: name.into() }),
    }
    let scan = format::scan(&bytes);
    index.segments.insert(number, Segment { length: scan.end, ..Segment::default() });
    let known_damage = recovery.damaged.len();
    read(&scan, number, &name, index, recovery);
    if recovery.damaged.len() > known_damage {
        // What cannot be read may be letters: the file stays where it is.
        index.damage(number, scan.records.iter().filter_map(|found| id_of(&found.record)), number);
    }
    if scan.end < bytes.len() as u64 {
        recovery.torn.push(Damage { file: name.clone(), offset: scan.end, bytes: bytes.len() as u64 - scan.end });
        fs.cut(&name, scan.end).map_err(failed("cut"))?;
    }
    // A process that was killed may have written this without having synced it. Who is told of it now may rely on it.
    fs.sync(&name).map_err(failed("sync"))
}

fn read(scan: &Scan<'_>, segment: u64, name: &str, index: &mut Index, recovery: &mut Recovery) {
    let damage = scan.damage.iter().map(|&(offset, bytes)| Damage { file: name.to_owned(), offset, bytes });
    recovery.damaged.extend(damage);
    for found in &scan.records {
        match found.record {
            Record::Letter(line) => match DeadLetter::from_line_with(line) {
                Ok((letter, Some(number))) => index.insert(Entry {
                    id: letter.id,
                    number,
                    segment,
                    offset: found.offset,
                    length: found.length,
                    replays: letter.replays,
                }),
                // Its checksum is right: it was written so, by a version that knows more.
                _ => recovery.damaged.push(Damage {
                    file: name.to_owned(),
                    offset: found.offset,
                    bytes: found.length as u64,
                }),
            },
            Record::Gone(id) => drop(index.gone(id, segment)),
            Record::Replayed(id) => index.replayed(id),
            Record::Unknown => {}
        }
    }
}
