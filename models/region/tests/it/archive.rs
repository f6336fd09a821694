//! Members of a zip archive: stored or deflated, found through its central directory.

use std::io::Read;
use std::path::Path;

/// Text of one member.
pub(crate) fn member(path: &Path, name: &str) -> String {
    let bytes = std::fs::read(path).unwrap();
    let u16_at = |i: usize| usize::from(u16::from_le_bytes([bytes[i], bytes[i + 1]]));
    let u32_at = |i: usize| u16_at(i) + (u16_at(i + 2) << 16);
    let end = bytes.windows(4).rposition(|w| w == b"PK\x05\x06").unwrap();
    let mut at = u32_at(end + 16);
    for _ in 0..u16_at(end + 10) {
        let name_len = u16_at(at + 28);
        if &bytes[at + 46..at + 46 + name_len] == name.as_bytes() {
            let local = u32_at(at + 42);
            let data = local + 30 + u16_at(local + 26) + u16_at(local + 28);
            let packed = &bytes[data..data + u32_at(at + 20)];
            let mut text = String::new();
            if u16_at(at + 10) == 0 {
                text.push_str(std::str::from_utf8(packed).unwrap());
            } else {
                flate2::read::DeflateDecoder::new(packed)
                    .read_to_string(&mut text)
                    .unwrap();
            }
            return text;
        }
        at += 46 + name_len + u16_at(at + 30) + u16_at(at + 32);
    }
    panic!("{} has no {name}", path.display());
}
