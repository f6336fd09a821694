//! The ledger's line format: one JSON line per entry, chained by SHA-256.
//!
//! ```text
//! {"seq":7,"prev":"<hex>","hash":"<hex>","entry":{...}}
//! ```
//!
//! `hash = SHA-256(prev as 32 raw bytes || {"seq":7,"entry":{...}} as the very bytes of the line)`.
//! The first line's `prev` is [`genesis`]. There is exactly one accepted spelling of a line (no
//! spaces, lower-case hex, no leading zero), so that every changed byte is seen: `docs/decisions.md`
//! checks a ledger with a dozen lines of Python.

use sha2::{Digest, Sha256};

use crate::LedgerEntry;

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// Where and how a ledger is broken. It names the first line that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Broken {
    /// The line, from 0.
    pub seq: u64,
    /// The decision the line is about, where it can still be told.
    pub id: Option<String>,
    /// What was found.
    pub what: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.seq)?;
        if let Some(id) = &self.id {
            write!(f, " (decision {id})")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A line taken apart; `entry` is the JSON text as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Its number, from 0.
    pub seq: u64,
    /// Hash of the line before, 64 hex digits.
    pub prev: &'a str,
    /// Its own hash, 64 hex digits.
    pub hash: &'a str,
    /// The entry's JSON.
    pub entry: &'a str,
}

/// What the first line's `prev` must be: a hash bound to the city, so that one city's ledger
/// cannot be passed off as another's.
#[must_use]
pub fn genesis(city: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(b"conurb decision ledger v1\n");
    hasher.update(city.as_bytes());
    hasher.finalize().into()
}

/// The hash of line `seq` with `entry`, after a line with hash `prev`.
#[must_use]
pub fn line_hash(prev: &Hash, seq: u64, entry: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(prev);
    hasher.update(format!("{{\"seq\":{seq},\"entry\":").as_bytes());
    hasher.update(entry.as_bytes());
    hasher.update(b"}");
    hasher.finalize().into()
}

/// The canonical JSON of an entry: fields in the order of the type, no spaces, and U+FFFD spelled
/// `\ufffd`, because that character is what a reader puts in the place of damaged bytes.
pub fn entry_json(entry: &LedgerEntry) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(entry)?;
    Ok(if text.contains('\u{fffd}') {
        text.replace('\u{fffd}', "\\ufffd")
    } else {
        text
    })
}

/// Writes line `seq`; returns it without a newline, and its hash.
#[must_use]
pub fn format_line(prev: &Hash, seq: u64, entry: &str) -> (String, Hash) {
    let hash = line_hash(prev, seq, entry);
    let text = spell(seq, &hex::encode(prev), &hex::encode(hash), entry);
    (text, hash)
}

fn spell(seq: u64, prev: &str, hash: &str, entry: &str) -> String {
    format!("{{\"seq\":{seq},\"prev\":\"{prev}\",\"hash\":\"{hash}\",\"entry\":{entry}}}")
}

/// Takes a line apart without judging its hashes; the error says which part is not there.
pub fn parts(line: &str) -> Result<Parts<'_>, &'static str> {
    let rest = line
        .strip_prefix("{\"seq\":")
        .ok_or("it does not start with a number")?;
    let (seq, rest) = rest
        .split_once(",\"prev\":\"")
        .ok_or("the field \"prev\" is damaged")?;
    let seq = seq.parse::<u64>().map_err(|_| "its number is damaged")?;
    let (prev, rest) = rest
        .split_once("\",\"hash\":\"")
        .ok_or("the field \"hash\" is damaged")?;
    let (hash, rest) = rest
        .split_once("\",\"entry\":")
        .ok_or("the field \"entry\" is damaged")?;
    let entry = rest.strip_suffix('}').ok_or("its end is damaged")?;
    Ok(Parts {
        seq,
        prev,
        hash,
        entry,
    })
}

/// Judges one line that must be number `seq` and follow `prev`; returns its hash and entry.
pub fn check_line(line: &str, seq: u64, prev: &Hash) -> Result<(Hash, LedgerEntry), Broken> {
    let broken = |what: String| Broken {
        seq,
        id: name_record(line, seq, prev),
        what,
    };
    let found = parts(line).map_err(|what| broken(what.to_owned()))?;
    if found.seq != seq {
        return Err(broken(format!(
            "it carries the number {}, so lines are missing, added or swapped",
            found.seq
        )));
    }
    if found.prev != hex::encode(prev) {
        return Err(broken(
            "its \"prev\" is not the hash of the line before".to_owned(),
        ));
    }
    let hash = line_hash(prev, seq, found.entry);
    if found.hash != hex::encode(hash) {
        return Err(broken(
            "its hash does not fit what it says: it was changed after it was written".to_owned(),
        ));
    }
    if line != spell(seq, found.prev, found.hash, found.entry) {
        return Err(broken("it is not spelled as it was written".to_owned()));
    }
    let entry = serde_json::from_str(found.entry)
        .map_err(|e| broken(format!("its entry cannot be read: {e}")))?;
    Ok((hash, entry))
}

/// The decision a damaged line is about. Where the damage sits in the id itself, the id is
/// restored by trying each character of it until the line's own hash fits again.
#[must_use]
pub fn name_record(line: &str, seq: u64, prev: &Hash) -> Option<String> {
    let read = id_span(line)?;
    let id = &line[read.clone()];
    if let Ok(found) = parts(line)
        && found.hash != hex::encode(line_hash(prev, seq, found.entry))
        && let Some(true_id) = restore_id(line, read.clone(), found, seq, prev)
    {
        return Some(true_id);
    }
    Some(id.to_owned())
}

/// Byte range of the id in the text of a line, by its key or, failing that, by its URN prefix.
fn id_span(line: &str) -> Option<std::ops::Range<usize>> {
    const KEY: &str = "\"id\":\"";
    const URN: &str = "urn:conurb:decision:";
    let start = match line.find(KEY) {
        Some(at) => at + KEY.len(),
        None => line.find(URN)?,
    };
    let end = start
        + line[start..]
            .find("\",\"")
            .or_else(|| line[start..].find('"'))?;
    (end > start && end - start <= ID_LEN_MAX).then_some(start..end)
}

/// Longest decision id a ledger takes, in bytes.
pub const ID_LEN_MAX: usize = 512;

fn restore_id(
    line: &str,
    span: std::ops::Range<usize>,
    found: Parts<'_>,
    seq: u64,
    prev: &Hash,
) -> Option<String> {
    let entry_at = line.len() - 1 - found.entry.len();
    let span = span.start.checked_sub(entry_at)?..span.end.checked_sub(entry_at)?;
    let head = &found.entry[..span.start];
    let id = &found.entry[span.clone()];
    let tail = &found.entry[span.end..];
    // The bytes before the id are the same in every try: hash them once.
    let mut base = Sha256::new();
    base.update(prev);
    base.update(format!("{{\"seq\":{seq},\"entry\":").as_bytes());
    base.update(head.as_bytes());
    for (at, was) in id.char_indices() {
        for byte in b' '..=b'~' {
            if char::from(byte) == was {
                continue;
            }
            let mut hasher = base.clone();
            hasher.update(&id.as_bytes()[..at]);
            hasher.update([byte]);
            hasher.update(&id.as_bytes()[at + was.len_utf8()..]);
            hasher.update(tail.as_bytes());
            hasher.update(b"}");
            let hash: Hash = hasher.finalize().into();
            if hex::encode(hash) == found.hash {
                let mut out = id.to_owned();
                out.replace_range(
                    at..at + was.len_utf8(),
                    char::from(byte).encode_utf8(&mut [0; 4]),
                );
                return Some(out);
            }
        }
    }
    None
}

/// A chain walked from its genesis, line by line.
#[derive(Debug, Clone)]
pub struct Walk {
    next: u64,
    head: Hash,
    decisions: u64,
}

impl Walk {
    /// Before the first line of `city`'s ledger.
    #[must_use]
    pub fn new(city: &str) -> Self {
        Self {
            next: 0,
            head: genesis(city),
            decisions: 0,
        }
    }

    /// Judges the next line and moves on.
    pub fn step(&mut self, line: &str) -> Result<LedgerEntry, Broken> {
        let (hash, entry) = check_line(line, self.next, &self.head)?;
        self.head = hash;
        self.next += 1;
        self.decisions += u64::from(matches!(entry, LedgerEntry::Decided(_)));
        Ok(entry)
    }

    /// How many lines were walked.
    #[must_use]
    pub const fn verified_len(&self) -> u64 {
        self.next
    }

    /// What was walked so far.
    #[must_use]
    pub fn verified(&self) -> Verified {
        Verified {
            entries: self.next,
            decisions: self.decisions,
            head: hex::encode(self.head),
        }
    }
}

/// A chain found whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Lines.
    pub entries: u64,
    /// Of them decisions.
    pub decisions: u64,
    /// Hash of the last line, hex. Kept elsewhere, it is the anchor against a cut at the tail.
    pub head: String,
}

/// Verifies a ledger file as bytes, for `city`; stricter than reading through a store, because
/// here the newlines count too. `head` is an anchored head: without one a cut at a line's end
/// cannot be told from a ledger that ended there.
pub fn verify_bytes(bytes: &[u8], city: &str, head: Option<&str>) -> Result<Verified, Broken> {
    let mut walk = Walk::new(city);
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n');
        let line = String::from_utf8_lossy(&rest[..end.unwrap_or(rest.len())]);
        let Some(end) = end else {
            let (seq, prev) = (walk.next, walk.head);
            return Err(match check_line(&line, seq, &prev) {
                Err(broken) => broken,
                Ok((_, entry)) => Broken {
                    seq,
                    id: Some(entry.id().to_owned()),
                    what: "its newline is missing".to_owned(),
                },
            });
        };
        walk.step(&line)?;
        rest = &rest[end + 1..];
    }
    against(walk.verified(), head)
}

/// Compares a walked chain with an anchored head (hex).
pub fn against(verified: Verified, head: Option<&str>) -> Result<Verified, Broken> {
    match head {
        Some(head) if !head.eq_ignore_ascii_case(&verified.head) => Err(Broken {
            seq: verified.entries,
            id: None,
            what: format!(
                "the chain ends with {} and not with the anchored head {head}: lines were cut \
                 off, or it grew since",
                verified.head
            ),
        }),
        _ => Ok(verified),
    }
}
