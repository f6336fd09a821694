//! `report.json` as bytes, and its committed JSON Schema.

use super::model::Report;

impl Report {
    /// The report as indented JSON with a final newline; equal reports give equal bytes.
    #[must_use]
    pub(crate) fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("the report holds only string keys and serialisable values");
        text.push('\n');
        text
    }
}

/// The JSON Schema of `report.json`, as committed in `api/report.schema.json`.
#[cfg(test)]
pub(crate) fn schema_json() -> String {
    let schema = schemars::schema_for!(Report);
    let mut text = serde_json::to_string_pretty(&schema).expect("a generated schema is plain JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    /// Fails once after a change of the types, having rewritten the file: commit it.
    #[test]
    fn the_committed_schema_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/report.schema.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let fresh = schema_json();
        if committed != fresh {
            std::fs::write(path, &fresh).expect("api/ is writable");
            panic!("api/report.schema.json was stale and has been rewritten: review and commit it");
        }
    }

    #[test]
    fn two_builds_of_one_report_are_byte_equal() {
        assert_eq!(fixture::report().to_json(), fixture::report().to_json());
    }

    #[test]
    fn a_report_reads_back_as_written() {
        let report = fixture::report();
        let read: Report = serde_json::from_str(&report.to_json()).expect("valid JSON");
        assert_eq!(read, report);
    }
}
