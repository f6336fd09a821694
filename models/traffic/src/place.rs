//! Turns a JSON path into line and column, only when an error needs it.

use conurb_base::At;

/// One step of a JSON path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seg {
    /// A member of an object.
    Key(&'static str),
    /// An element of an array.
    At(usize),
}

impl From<&'static str> for Seg {
    fn from(key: &'static str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Seg {
    fn from(index: usize) -> Self {
        Self::At(index)
    }
}

/// Builds a path: `json_path!["roads", 3, "lanes"]`.
macro_rules! json_path {
    ($($seg:expr),* $(,)?) => { [$($crate::place::Seg::from($seg)),*] };
}
pub(crate) use json_path;

/// `roads[3].lanes[0].width`
pub(crate) fn path_text(path: &[Seg]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for seg in path {
        match seg {
            Seg::Key(key) if text.is_empty() => text.push_str(key),
            Seg::Key(key) => {
                let _ = write!(text, ".{key}");
            }
            Seg::At(index) => {
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}

/// A document an error can point into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl Source<'_> {
    /// The place of `path` in this document; of its nearest existing parent if a member is absent.
    pub(crate) fn at(&self, path: &[Seg]) -> Box<At> {
        let offset = locate(self.bytes, path);
        let before = &self.bytes[..offset.min(self.bytes.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        let has_text = !self.bytes.is_empty();
        Box::new(At {
            file: Some(self.file.to_owned()),
            line: has_text.then_some(line),
            column: has_text.then_some(column),
            path: Some(path_text(path)),
        })
    }
}

/// The byte offset of the value at `path`, in a document known to be valid JSON.
fn locate(bytes: &[u8], path: &[Seg]) -> usize {
    let mut scan = Scan { bytes, pos: 0 };
    scan.space();
    for seg in path {
        let here = scan.pos;
        let found = match seg {
            Seg::Key(key) => scan.enter_key(key),
            Seg::At(index) => scan.enter_index(*index),
        };
        if !found {
            return here;
        }
    }
    scan.pos
}

struct Scan<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Scan<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.pos += 1;
        }
    }

    /// Skips a string; returns its raw content.
    fn string(&mut self) -> &[u8] {
        self.pos += 1;
        let start = self.pos;
        while self.pos < self.bytes.len() && self.peek() != b'"' {
            self.pos += if self.peek() == b'\\' { 2 } else { 1 };
        }
        let end = self.pos.min(self.bytes.len());
        self.pos = end + 1;
        &self.bytes[start..end]
    }

    fn skip_value(&mut self) {
        let mut depth = 0usize;
        while self.pos < self.bytes.len() {
            match self.peek() {
                b'"' => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    if depth == 0 {
                        return;
                    }
                    depth -= 1;
                    if depth == 0 {
                        self.pos += 1;
                        return;
                    }
                }
                b',' if depth == 0 => return,
                _ => {}
            }
            self.pos += 1;
        }
    }

    fn enter_key(&mut self, key: &str) -> bool {
        if self.peek() != b'{' {
            return false;
        }
        self.pos += 1;
        loop {
            self.space();
            if self.peek() != b'"' {
                return false;
            }
            let hit = self.string() == key.as_bytes();
            self.space();
            self.pos += 1; // the colon
            self.space();
            if hit {
                return true;
            }
            self.skip_value();
            self.space();
            if self.peek() != b',' {
                return false;
            }
            self.pos += 1;
        }
    }

    fn enter_index(&mut self, index: usize) -> bool {
        if self.peek() != b'[' {
            return false;
        }
        self.pos += 1;
        for _ in 0..index {
            self.space();
            if matches!(self.peek(), b']' | 0) {
                return false;
            }
            self.skip_value();
            self.space();
            if self.peek() != b',' {
                return false;
            }
            self.pos += 1;
        }
        self.space();
        !matches!(self.peek(), b']' | 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_behind_strings_with_brackets() {
        let bytes = b"{\"a\": \"]}\\\"\",\n \"b\": [1, {\"c\": [ ] , \"d\": -2}]}";
        let source = Source {
            file: "x.json",
            bytes,
        };
        let at = source.at(&json_path!["b", 1, "d"]);
        assert_eq!(at.to_string(), "x.json:2:28 at b[1].d");
        assert_eq!(source.at(&json_path!["b", 7]).line, Some(2));
        assert_eq!(source.at(&json_path!["nope"]).column, Some(1));
    }
}
