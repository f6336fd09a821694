//! The verifier that `docs/decisions.md` prints is run as printed.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{CITY, auto, ledger};

#[test]
fn the_printed_verifier_agrees() {
    let python = Command::new("python3")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    if !python.is_ok_and(|s| s.success()) {
        println!("skipped: needs python3 (the_printed_verifier_agrees)");
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/decisions.md");
    let page = std::fs::read_to_string(page).unwrap();
    let script = page
        .split("```python\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (py, file) = (
        dir.path().join("verify_ledger.py"),
        dir.path().join("ledger.jsonl"),
    );
    std::fs::write(&py, script).unwrap();

    let (ledger, memory) = ledger();
    for n in 0..3 {
        ledger.append(&auto(n, 15)).unwrap();
    }
    let whole = memory.bytes.lock().unwrap().clone();
    let run = |bytes: &[u8], args: &[&str]| {
        std::fs::write(&file, bytes).unwrap();
        let out = Command::new("python3")
            .arg(&py)
            .arg(&file)
            .args(args)
            .output()
            .unwrap();
        let text = [out.stdout, out.stderr].concat();
        (
            out.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let head = ledger.head().unwrap();
    assert_eq!(
        run(&whole, &[CITY]),
        (true, format!("whole: 6 lines, head {head}\n"))
    );
    assert!(run(&whole, &[CITY, &head]).0);
    assert!(!run(&whole, &["elsewhere"]).0);
    assert!(!run(&whole, &[CITY, &"0".repeat(64)]).0);
    assert!(!run(&whole[..whole.len() - 1], &[CITY]).0);
    let third = whole
        .split_inclusive(|b| *b == b'\n')
        .take(2)
        .map(<[u8]>::len)
        .sum::<usize>();
    for at in (third..third + 900).step_by(90) {
        let mut hurt = whole.clone();
        hurt[at] ^= 2;
        let (ok, text) = run(&hurt, &[CITY]);
        assert!(!ok && text.contains("line 2"), "byte {at}: {text}");
    }
}
