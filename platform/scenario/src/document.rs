//! Kept input documents: what a decision was made from, read back for a replay.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A document a decision is made from, kept as a blob under its hash.
pub trait KeptDocument: Serialize + DeserializeOwned {
    /// The format written today.
    const FORMAT: u32;

    /// The format of this document.
    fn format(&self) -> u32;

    /// Canonical bytes: members in declaration order, shortest round-trip numbers.
    #[must_use]
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain numbers and text always serialise")
    }

    /// Reads it back.
    ///
    /// # Errors
    /// In words: what is no such document, or of another format.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let doc: Self =
            serde_json::from_slice(bytes).map_err(|e| format!("input document: {e}"))?;
        if doc.format() == Self::FORMAT {
            return Ok(doc);
        }
        Err(format!(
            "input document has format {}; known: {}",
            doc.format(),
            Self::FORMAT
        ))
    }
}
