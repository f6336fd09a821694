//! The census workbook of 2010: just enough of a spreadsheet reader for it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::archive;

/// Rows by code (column B, six digits), each with the cells wanted, blanks as `""`, and the header
/// row of the same columns without line breaks.
pub(crate) fn rows(path: &Path, wanted: &[String]) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let strings: Vec<String> = archive::member(path, "xl/sharedStrings.xml")
        .split("<si>")
        .skip(1)
        .map(|si| {
            let texts = si.split("<t").skip(1).filter(|t| t.starts_with(['>', ' ']));
            texts
                .map(|t| t.split_once('>').unwrap().1.split("</t>").next().unwrap())
                .collect::<String>()
                .replace("_x000D_", "")
                .replace(['\r', '\n'], "")
        })
        .collect();
    let sheet = archive::member(path, "xl/worksheets/sheet1.xml");
    let mut headers = Vec::new();
    let mut out = BTreeMap::new();
    for (i, row) in sheet.split("<row ").skip(1).enumerate() {
        let cells = cells(row, &strings);
        let line: Vec<String> = wanted
            .iter()
            .map(|c| cells.get(c.as_str()).cloned().unwrap_or_default())
            .collect();
        if i == 0 {
            headers = line;
        } else if let Some(code) = cells.get("B") {
            out.entry(code.trim().to_owned()).or_insert(line);
        }
    }
    (headers, out)
}

fn cells<'a>(row: &'a str, strings: &[String]) -> BTreeMap<&'a str, String> {
    row.split("<c r=\"")
        .skip(1)
        .filter_map(|cell| {
            let (name, rest) = cell.split_once('"')?;
            let (attributes, body) = rest.split_once('>')?;
            let value = body.split_once("<v>")?.1.split_once("</v>")?.0;
            let column = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let text = if attributes.contains("t=\"s\"") {
                strings[value.parse::<usize>().unwrap()].clone()
            } else {
                value.to_owned()
            };
            Some((column, text))
        })
        .collect()
}

/// Letters of a column counted from 1.
pub(crate) fn letters(mut column: usize) -> String {
    let mut out = Vec::new();
    while column > 0 {
        column -= 1;
        out.push(b'A' + u8::try_from(column % 26).unwrap());
        column /= 26;
    }
    out.reverse();
    String::from_utf8(out).unwrap()
}
