//! What is in a segment: a first line that says what it is, then a record a line, each with its checksum.
//!
//! ```text
//! linkbus dead letters 1
//! 5f3e1a02 letter {"n":1,"id":"0190..","message":"orders.PlaceOrder",..}<tab>{"order":7}
//! 0c55d9f1 replayed 0190..
//! 91b2c3d4 gone 0190..
//! ```
//!
//! The checksum is the CRC-32 (IEEE) of what stands behind it and its space, as eight hexadecimal digits. A record of an
//! unknown kind with the right checksum is of a later version, and is passed over.

use uuid::Uuid;

use super::super::DeadLetter;

/// The first line of a segment, with the version of the format.
pub(super) const MAGIC: &[u8] = b"linkbus dead letters 1\n";
/// The first line without its version.
const MAGIC_OF_ALL: &[u8] = b"linkbus dead letters ";
/// The checksum and the space behind it.
const CHECKSUM: usize = 9;

/// A record that was read, with its place in the segment.
pub(super) struct Found<'a> {
    pub(super) offset: u64,
    /// With the line feed.
    pub(super) length: usize,
    pub(super) record: Record<'a>,
}

pub(super) enum Record<'a> {
    /// The line of a [`DeadLetter`].
    Letter(&'a str),
    /// The letter was deleted.
    Gone(Uuid),
    /// The letter was replayed, and failed again.
    Replayed(Uuid),
    /// Of a later version.
    Unknown,
}

/// What is in a segment.
pub(super) struct Scan<'a> {
    pub(super) records: Vec<Found<'a>>,
    /// What is not a record and has records behind it: where it begins, and how many bytes it has.
    pub(super) damage: Vec<(u64, u64)>,
    /// Where the last record ends.
    pub(super) end: u64,
}

/// What the beginning of a segment says.
pub(super) enum Beginning {
    Ours,
    /// It was being created when the process or the machine died: nothing in it was ever acknowledged.
    Unfinished,
    OtherVersion,
    Foreign,
}

pub(super) fn beginning(bytes: &[u8]) -> Beginning {
    if bytes.starts_with(MAGIC) {
        Beginning::Ours
    } else if bytes.len() <= MAGIC.len() && !bytes.contains(&b'\n') {
        Beginning::Unfinished
    } else if bytes.starts_with(MAGIC_OF_ALL) {
        Beginning::OtherVersion
    } else {
        Beginning::Foreign
    }
}

/// The record of a letter, as a line.
pub(super) fn letter(letter: &DeadLetter, number: u64) -> Vec<u8> {
    line("letter", &letter.to_line_with(Some(number)))
}

/// The record that a letter was deleted.
pub(super) fn gone(id: Uuid) -> Vec<u8> {
    line("gone", &id.to_string())
}

/// The record that a letter was replayed, and failed again.
pub(super) fn replayed(id: Uuid) -> Vec<u8> {
    line("replayed", &id.to_string())
}

fn line(kind: &str, text: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(CHECKSUM + kind.len() + text.len() + 2);
    line.extend_from_slice(b"00000000 ");
    line.extend_from_slice(kind.as_bytes());
    line.push(b' ');
    line.extend_from_slice(text.as_bytes());
    let checksum = crc32fast::hash(&line[CHECKSUM..]);
    for (place, digit) in line.iter_mut().take(8).enumerate() {
        *digit = b"0123456789abcdef"[(checksum >> (28 - 4 * place)) as usize & 0xf];
    }
    line.push(b'\n');
    line
}

/// The record in a line, if its checksum is right.
pub(super) fn record(line: &[u8]) -> Option<Record<'_>> {
    let line = line.strip_suffix(b"\n")?;
    let (checksum, text) = line.split_at_checked(CHECKSUM)?;
    let checksum = std::str::from_utf8(checksum.strip_suffix(b" ")?).ok()?;
    if u32::from_str_radix(checksum, 16).ok()? != crc32fast::hash(text) {
        return None;
    }
    let (kind, text) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    match kind {
        "letter" => Some(Record::Letter(text)),
        "gone" => text.parse().ok().map(Record::Gone),
        "replayed" => text.parse().ok().map(Record::Replayed),
        _ => Some(Record::Unknown),
    }
}

/// Reads a segment that is [ours](Beginning::Ours).
pub(super) fn scan(bytes: &[u8]) -> Scan<'_> {
    let mut scan = Scan { records: Vec::new(), damage: Vec::new(), end: MAGIC.len() as u64 };
    let mut offset = MAGIC.len() as u64;
    for line in bytes[MAGIC.len()..].split_inclusive(|&byte| byte == b'\n') {
        if let Some(record) = record(line) {
            if scan.end < offset {
                scan.damage.push((scan.end, offset - scan.end));
            }
            scan.records.push(Found { offset, length: line.len(), record });
            scan.end = offset + line.len() as u64;
        }
        offset += line.len() as u64;
    }
    scan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_record_until_one_bit_of_it_changes() {
        let line = gone(Uuid::from_u128(7));
        assert!(matches!(record(&line), Some(Record::Gone(id)) if id == Uuid::from_u128(7)));
        for bit in 0..line.len() * 8 {
            let mut line = line.clone();
            line[bit / 8] ^= 1 << (bit % 8);
            // Upper and lower case digits are the same number.
            assert!(record(&line).is_none() || bit / 8 < 8, "bit {bit}");
        }
    }

    #[test]
    fn what_is_damaged_is_passed_over_and_what_is_torn_is_at_the_end() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(gone(Uuid::from_u128(1)));
        let damaged = bytes.len();
        bytes.extend([0; 100]);
        bytes.push(b'\n');
        bytes.extend(line("rumour", "of a later version"));
        bytes.extend(replayed(Uuid::from_u128(1)));
        let end = bytes.len();
        bytes.extend(&gone(Uuid::from_u128(2))[..20]);
        let scan = scan(&bytes);
        assert_eq!(scan.damage, [(damaged as u64, 101)]);
        assert_eq!((scan.records.len(), scan.end), (3, end as u64));
    }
}
