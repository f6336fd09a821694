//! Reading XML element by element, every error with file, line and element.

use conurb_base::At;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::error::TrafficError;
use crate::file::FILE_BYTES_MAX;

/// Deepest nesting of elements.
const DEPTH_MAX: usize = 32;
/// Most attributes of one element.
const ATTRIBUTES_MAX: usize = 256;
/// Most elements of one file.
const ELEMENTS_MAX: usize = 50_000_000;

/// A start tag.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    offset: usize,
}

/// What comes next.
pub(crate) enum Node {
    Open(Element),
    Close,
}

/// A file under way.
pub(crate) struct Xml<'a> {
    file: &'a str,
    bytes: &'a [u8],
    reader: Reader<&'a [u8]>,
    depth: usize,
    elements: usize,
    /// Where the last line count stopped: lines are counted once.
    known_lines: (usize, usize),
}

impl<'a> Xml<'a> {
    pub(crate) fn new(bytes: &'a [u8], file: &'a str) -> Result<Self, TrafficError> {
        let at = || {
            Box::new(At {
                file: Some(file.to_owned()),
                ..At::default()
            })
        };
        if bytes.len() > FILE_BYTES_MAX {
            return Err(TrafficError::TooLarge {
                at: at(),
                what: "file size in bytes",
                found: bytes.len(),
                limit: FILE_BYTES_MAX,
            });
        }
        let mut reader = Reader::from_reader(bytes);
        reader.config_mut().expand_empty_elements = true;
        Ok(Self {
            file,
            bytes,
            reader,
            depth: 0,
            elements: 0,
            known_lines: (0, 1),
        })
    }

    /// The next start or end tag; none at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Node>, TrafficError> {
        loop {
            let offset = position(self.reader.buffer_position());
            match self.reader.read_event() {
                Ok(Event::Start(tag)) => return self.open(&tag, offset).map(Some),
                Ok(Event::End(_)) => {
                    self.depth -= 1;
                    return Ok(Some(Node::Close));
                }
                Ok(Event::Eof) if self.depth > 0 => {
                    return Err(self.syntax(offset, "the file ends inside an element".into()));
                }
                Ok(Event::Eof) if self.elements == 0 => {
                    return Err(self.syntax(0, "there is no element in the file".into()));
                }
                Ok(Event::Eof) => return Ok(None),
                Ok(_) => {}
                Err(error) => {
                    let offset = position(self.reader.error_position());
                    return Err(self.syntax(offset, error.to_string()));
                }
            }
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>, offset: usize) -> Result<Node, TrafficError> {
        // Text before the tag was skipped by the reader already: the offset is the tag's.
        let name = tag.name().as_ref().to_owned();
        self.depth += 1;
        self.elements += 1;
        let limits = [
            ("depth of elements", self.depth, DEPTH_MAX),
            ("number of elements", self.elements, ELEMENTS_MAX),
        ];
        for (what, found, limit) in limits {
            if found > limit {
                return Err(TrafficError::TooLarge {
                    at: self.at_offset(offset, &name),
                    what,
                    found,
                    limit,
                });
            }
        }
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|e| self.syntax_in(offset, &name, e.to_string()))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|e| self.syntax_in(offset, &name, e.to_string()))?;
            attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
            if attributes.len() > ATTRIBUTES_MAX {
                return Err(TrafficError::TooLarge {
                    at: self.at_offset(offset, &name),
                    what: "number of attributes",
                    found: attributes.len(),
                    limit: ATTRIBUTES_MAX,
                });
            }
        }
        Ok(Node::Open(Element {
            name,
            attributes,
            offset,
        }))
    }

    /// Checks that nothing follows the root element.
    pub(crate) fn end(&mut self) -> Result<(), TrafficError> {
        match self.next()? {
            Some(Node::Open(e)) => Err(TrafficError::Syntax {
                at: self.at(&e, ""),
                message: "an element after the end of the root element".into(),
            }),
            _ => Ok(()),
        }
    }

    /// Skips the rest of an element that was just opened; returns how many it held.
    pub(crate) fn skip(&mut self) -> Result<usize, TrafficError> {
        let until = self.depth - 1;
        let mut held = 0;
        while self.depth > until {
            match self.next()? {
                Some(Node::Open(_)) => held += 1,
                Some(Node::Close) => {}
                None => break,
            }
        }
        Ok(held)
    }

    fn at_offset(&self, offset: usize, path: &str) -> Box<At> {
        let offset = offset.min(self.bytes.len());
        let before = &self.bytes[..offset];
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        Box::new(At {
            file: Some(self.file.to_owned()),
            line: Some(before.iter().filter(|b| **b == b'\n').count() + 1),
            column: Some(column),
            path: (!path.is_empty()).then(|| path.to_owned()),
        })
    }

    /// The line of an element; elements are asked for in file order, so lines are counted once.
    pub(crate) fn line(&mut self, element: &Element) -> u32 {
        let (from, line) = self.known_lines;
        let to = element.offset.min(self.bytes.len());
        if to < from {
            return u32::try_from(line).unwrap_or(u32::MAX);
        }
        let more = self.bytes[from..to].iter().filter(|b| **b == b'\n').count();
        self.known_lines = (to, line + more);
        u32::try_from(line + more).unwrap_or(u32::MAX)
    }

    /// The place of an element, named by its identifier if it has one.
    pub(crate) fn at(&self, element: &Element, attribute: &str) -> Box<At> {
        let mut path = element.name.clone();
        if let Some(id) = element.get("id") {
            path.push_str(&format!("[id=\"{id}\"]"));
        }
        if !attribute.is_empty() {
            path.push_str(&format!(".{attribute}"));
        }
        self.at_offset(element.offset, &path)
    }

    pub(crate) fn syntax(&self, offset: usize, message: String) -> TrafficError {
        self.syntax_in(offset, "", message)
    }

    fn syntax_in(&self, offset: usize, path: &str, message: String) -> TrafficError {
        TrafficError::Syntax {
            at: self.at_offset(offset, path),
            message,
        }
    }

    /// A required attribute.
    pub(crate) fn text<'e>(&self, e: &'e Element, name: &str) -> Result<&'e str, TrafficError> {
        e.get(name).ok_or_else(|| TrafficError::Syntax {
            at: self.at(e, ""),
            message: format!("missing attribute `{name}`"),
        })
    }

    /// A number, or none if the attribute is absent.
    pub(crate) fn number_if(
        &self,
        e: &Element,
        name: &'static str,
    ) -> Result<Option<f64>, TrafficError> {
        let Some(text) = e.get(name) else {
            return Ok(None);
        };
        let value: f64 = text.trim().parse().map_err(|_| TrafficError::Syntax {
            at: self.at(e, name),
            message: format!("\"{text}\" is no number"),
        })?;
        if value.is_finite() && value.abs() <= 1e9 {
            return Ok(Some(value));
        }
        Err(TrafficError::BadNumber {
            at: self.at(e, name),
            what: "number",
            value,
            rule: "it has to be finite and within 1e9",
        })
    }

    /// A required number.
    pub(crate) fn number(&self, e: &Element, name: &'static str) -> Result<f64, TrafficError> {
        self.text(e, name)?;
        Ok(self.number_if(e, name)?.unwrap_or(0.0))
    }

    /// A required number above 0 (or not negative).
    pub(crate) fn positive(
        &self,
        e: &Element,
        name: &'static str,
        value: f64,
        or_zero: bool,
    ) -> Result<f64, TrafficError> {
        if value > 0.0 || (or_zero && value == 0.0) {
            return Ok(value);
        }
        Err(TrafficError::BadNumber {
            at: self.at(e, name),
            what: name,
            value,
            rule: if or_zero {
                "it has to be finite and not negative"
            } else {
                "it has to be finite and above 0"
            },
        })
    }

    /// A required index from 0.
    pub(crate) fn index(&self, e: &Element, name: &'static str) -> Result<usize, TrafficError> {
        let text = self.text(e, name)?;
        text.trim().parse().map_err(|_| TrafficError::Syntax {
            at: self.at(e, name),
            message: format!("\"{text}\" is no index"),
        })
    }
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The names of its attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(key, _)| key.as_str())
    }
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
