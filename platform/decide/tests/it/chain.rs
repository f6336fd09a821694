//! Any damage to the file is found, and the record it hit is named.

use std::sync::Arc;

use conurb_decide::{Broken, DecideError, Ledger, Verified, verify_bytes};
use proptest::prelude::*;

use crate::support::{CITY, FileInMemory, auto, ledger, open};

fn file_of(decisions: usize) -> (Arc<FileInMemory>, Vec<u8>) {
    let (ledger, file) = ledger();
    for n in 0..decisions {
        ledger.append(&auto(n, 15)).unwrap();
    }
    let bytes = file.bytes.lock().unwrap().clone();
    (file, bytes)
}

/// The line a byte belongs to (its newline included), and the decision that line is about.
fn line_at(bytes: &[u8], at: usize) -> (u64, String) {
    let seq = bytes[..at].iter().filter(|b| **b == b'\n').count();
    let line = bytes.split(|b| *b == b'\n').nth(seq).unwrap();
    let value: serde_json::Value = serde_json::from_slice(line).unwrap();
    (
        seq as u64,
        value["entry"]["id"].as_str().unwrap().to_owned(),
    )
}

fn through_the_ledger(file: &Arc<FileInMemory>, bytes: Vec<u8>) -> Result<Verified, Broken> {
    *file.bytes.lock().unwrap() = bytes;
    match open(file).verify() {
        Ok(v) => Ok(v),
        Err(DecideError::Broken(b)) => Err(b),
        Err(e) => panic!("{e}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_changed_byte_is_found_and_named(at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        static WHOLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = WHOLE.get_or_init(|| file_of(6).1).clone();
        let at = at.index(bytes.len());
        let (seq, id) = line_at(&bytes, at);
        bytes[at] ^= flip;
        let broken = verify_bytes(&bytes, CITY, None).expect_err("the changed byte went unseen");
        prop_assert_eq!(broken.seq, seq, "{}", broken);
        // The id is exact unless the byte that ends it, or its key, was hit; the line always is.
        if let Some(named) = broken.id {
            prop_assert!(named == id || named.contains(&id[..20]) || id.contains(&named), "{} != {}", named, id);
        }
    }
}

#[test]
fn a_flip_anywhere_in_an_id_still_names_the_true_record() {
    let (_, bytes) = file_of(3);
    let text = String::from_utf8(bytes.clone()).unwrap();
    for line_no in [2usize, 3] {
        let line_at: usize = text.lines().take(line_no).map(|l| l.len() + 1).sum();
        let line = text.lines().nth(line_no).unwrap();
        let key = line_at + line.find("\"id\":\"").unwrap() + 6;
        let id = &text[key..key + text[key..].find('"').unwrap()];
        for at in key..key + id.len() {
            for bit in [0, 3, 5, 7] {
                let mut hurt = bytes.clone();
                hurt[at] ^= 1 << bit;
                let broken = verify_bytes(&hurt, CITY, None).unwrap_err();
                assert_eq!(broken.seq, line_no as u64);
                if hurt[at] != b'"' && hurt[at] != b'\\' && hurt[at] != b'\n' {
                    assert_eq!(broken.id.as_deref(), Some(id), "byte {at} bit {bit}");
                }
            }
        }
    }
}

#[test]
fn the_ledger_sees_what_the_file_check_sees() {
    let (file, bytes) = file_of(4);
    let whole = through_the_ledger(&file, bytes.clone()).unwrap();
    assert_eq!((whole.entries, whole.decisions), (8, 4));
    // Every byte but the newlines, which are the store's to judge.
    for at in (0..bytes.len())
        .step_by(23)
        .filter(|at| bytes[*at] != b'\n')
    {
        let mut hurt = bytes.clone();
        hurt[at] ^= 0x10;
        let broken = through_the_ledger(&file, hurt).expect_err("unseen");
        assert_eq!(broken.seq, line_at(&bytes, at).0, "byte {at}: {broken}");
    }
}

#[test]
fn a_removed_newline_a_swap_a_cut_and_an_addition_are_found() {
    let (file, bytes) = file_of(4);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let broken_at = |bytes: Vec<u8>| {
        let direct = verify_bytes(&bytes, CITY, None).unwrap_err();
        assert_eq!(
            through_the_ledger(&file, bytes).unwrap_err().seq,
            direct.seq
        );
        direct.seq
    };

    let joined: Vec<u8> = lines
        .iter()
        .enumerate()
        .flat_map(|(n, l)| if n == 2 { &l[..l.len() - 1] } else { l })
        .copied()
        .collect();
    assert_eq!(broken_at(joined), 2);

    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    assert_eq!(broken_at(swapped.concat()), 3);

    let without: Vec<&[u8]> = lines
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != 5)
        .map(|(_, l)| *l)
        .collect();
    assert_eq!(broken_at(without.concat()), 5);

    let mut torn = lines.clone();
    torn[4] = &torn[4][..40];
    assert_eq!(broken_at(torn.concat()), 4);

    assert_eq!(broken_at([&bytes[..], b"garbage\n"].concat()), 8);
    assert_eq!(broken_at([&bytes[..], b"\n"].concat()), 8);
    assert_eq!(broken_at([&bytes[..], lines[7]].concat()), 8);

    // Half a last line: an unfinished write, or a cut in its middle.
    assert_eq!(broken_at(bytes[..bytes.len() - 9].to_vec()), 7);
}

#[test]
fn a_cut_at_the_tail_needs_the_anchored_head() {
    let (file, bytes) = file_of(4);
    let head = verify_bytes(&bytes, CITY, None).unwrap().head;
    assert!(verify_bytes(&bytes, CITY, Some(&head)).is_ok());
    let cut = bytes.len()
        - bytes
            .split_inclusive(|b| *b == b'\n')
            .next_back()
            .unwrap()
            .len();
    assert!(verify_bytes(&bytes[..cut], CITY, None).is_ok());
    assert_eq!(
        verify_bytes(&bytes[..cut], CITY, Some(&head))
            .unwrap_err()
            .seq,
        7
    );
    assert!(verify_bytes(&[], CITY, Some(&head)).is_err());
    *file.bytes.lock().unwrap() = bytes;
    let ledger = open(&file);
    assert_eq!(ledger.head().unwrap(), head);
    assert!(ledger.verify_against(Some(&head)).is_ok());
    assert!(ledger.verify_against(Some(&"0".repeat(64))).is_err());
}

#[test]
fn another_citys_ledger_is_refused() {
    let (_, bytes) = file_of(1);
    let broken = verify_bytes(&bytes, "elsewhere", None).unwrap_err();
    assert_eq!(broken.seq, 0);
}

#[test]
fn a_rewritten_chain_is_caught_by_its_anchor_only() {
    let (_, honest) = file_of(2);
    let head = verify_bytes(&honest, CITY, None).unwrap().head;
    let (ledger, file) = ledger();
    ledger.append(&auto(0, 30)).unwrap();
    let forged = file.bytes.lock().unwrap().clone();
    assert!(verify_bytes(&forged, CITY, None).is_ok());
    assert!(verify_bytes(&forged, CITY, Some(&head)).is_err());
}

#[test]
fn a_damaged_last_line_stops_appending_but_not_verifying() {
    let (file, mut bytes) = file_of(2);
    let at = bytes.len() - 30;
    bytes[at] ^= 1;
    *file.bytes.lock().unwrap() = bytes;
    let ledger: Ledger = open(&file);
    assert!(matches!(
        ledger.append(&auto(9, 99)),
        Err(DecideError::Broken(_))
    ));
    assert!(matches!(ledger.verify(), Err(DecideError::Broken(b)) if b.seq == 3));
    assert!(matches!(ledger.counts(), Err(DecideError::Broken(_))));
}

#[test]
fn same_entries_same_bytes_in_any_batching() {
    let (one, file_one) = ledger();
    let (two, file_two) = ledger();
    let entries: Vec<_> = (0..5).flat_map(|n| auto(n, 15)).collect();
    one.append(&entries).unwrap();
    for entry in &entries {
        two.append(std::slice::from_ref(entry)).unwrap();
    }
    assert_eq!(
        *file_one.bytes.lock().unwrap(),
        *file_two.bytes.lock().unwrap()
    );
}
