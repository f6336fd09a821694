//! Tables with shapes as GeoParquet 1.1.0 (OGC): plain Parquet columns, a column of WKB (ISO
//! 19125-1), and the file metadata `geo` that says so. Longitude and latitude in degrees (OGC:CRS84).

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::json;

use crate::StoreError;

/// Closed rings of (longitude, latitude), the outer one first.
pub type Polygon = Vec<Vec<(f64, f64)>>;

/// The shape of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A place: longitude and latitude, degrees.
    Point(f64, f64),
    /// An area, perhaps in parts.
    MultiPolygon(Vec<Polygon>),
}

/// Values of a column, one a row; a gap is a null.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Text.
    Text(Vec<Option<String>>),
    /// Numbers.
    Number(Vec<Option<f64>>),
    /// Yes or no.
    Flag(Vec<Option<bool>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(v) => v.len(),
            Self::Number(v) => v.len(),
            Self::Flag(v) => v.len(),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "binary",
            Self::Number(_) => "double",
            Self::Flag(_) => "boolean",
        }
    }

    const fn annotation(&self) -> &'static str {
        match self {
            Self::Text(_) => " (STRING)",
            Self::Number(_) | Self::Flag(_) => "",
        }
    }
}

/// Rows with shapes. Names of columns are letters, digits and underscores; `geometry` is taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShapeTable {
    /// Columns by name, in order.
    pub columns: Vec<(String, Values)>,
    /// The shape of each row.
    pub shapes: Vec<Option<Shape>>,
}

impl ShapeTable {
    /// Writes the table, and replaces what stood there.
    ///
    /// # Errors
    /// [`StoreError::Io`]: a column that is not as long as the table or has an odd name, and what
    /// the system refuses.
    pub fn write(&self, path: &Path) -> std::result::Result<(), StoreError> {
        let told = |source: std::io::Error| StoreError::Io {
            doing: "cannot write",
            path: path.display().to_string(),
            source,
        };
        self.check().map_err(told)?;
        let file = std::fs::File::create(path).map_err(told)?;
        self.encode(file)
            .map_err(|e| told(std::io::Error::other(e.to_string())))
    }

    fn check(&self) -> std::io::Result<()> {
        let odd = |what: String| Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, what));
        for (name, values) in &self.columns {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || name == "geometry" || !name.chars().all(plain) {
                return odd(format!("\"{name}\" is no name of a column"));
            }
            if values.len() != self.shapes.len() {
                let (found, rows) = (values.len(), self.shapes.len());
                return odd(format!("column {name} has {found} values for {rows} rows"));
            }
        }
        Ok(())
    }

    fn encode(&self, file: std::fs::File) -> Result<()> {
        let mut schema = String::from("message table {\n");
        for (name, values) in &self.columns {
            let (kind, annotation) = (values.kind(), values.annotation());
            schema += &format!("    optional {kind} {name}{annotation};\n");
        }
        schema += "    optional binary geometry;\n}";
        let geo = KeyValue::new("geo".to_owned(), self.metadata());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![geo]))
            .build();
        let schema = Arc::new(parse_message_type(&schema)?);
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        for (_, values) in &self.columns {
            if let Some(column) = group.next_column()? {
                write_column(column, values)?;
            }
        }
        if let Some(mut column) = group.next_column()? {
            let shapes: Vec<ByteArray> = (self.shapes.iter().flatten())
                .map(|s| ByteArray::from(wkb(s)))
                .collect();
            let levels = levels(&self.shapes);
            (column.typed::<ByteArrayType>()).write_batch(&shapes, Some(&levels), None)?;
            column.close()?;
        }
        group.close()?;
        writer.close().map(drop)
    }

    /// The file metadata `geo`.
    fn metadata(&self) -> String {
        let mut types = Vec::new();
        let mut bbox: Option<[f64; 4]> = None;
        for shape in self.shapes.iter().flatten() {
            let (name, points): (_, Vec<(f64, f64)>) = match shape {
                Shape::Point(lon, lat) => ("Point", vec![(*lon, *lat)]),
                Shape::MultiPolygon(parts) => {
                    let points = parts.iter().flatten().flatten().copied();
                    ("MultiPolygon", points.collect())
                }
            };
            if !types.contains(&name) {
                types.push(name);
            }
            for (lon, lat) in points {
                let b = bbox.unwrap_or([lon, lat, lon, lat]);
                bbox = Some([b[0].min(lon), b[1].min(lat), b[2].max(lon), b[3].max(lat)]);
            }
        }
        types.sort_unstable();
        let mut column = json!({ "encoding": "WKB", "geometry_types": types });
        if let Some(bbox) = bbox {
            column["bbox"] = json!(bbox);
        }
        json!({
            "version": "1.1.0",
            "primary_column": "geometry",
            "columns": { "geometry": column },
        })
        .to_string()
    }
}

/// 1 where there is a value, 0 for a null.
fn levels<T>(values: &[Option<T>]) -> Vec<i16> {
    values.iter().map(|v| i16::from(v.is_some())).collect()
}

fn write_column(mut column: SerializedColumnWriter<'_>, values: &Values) -> Result<()> {
    match values {
        Values::Text(texts) => {
            let known: Vec<ByteArray> = (texts.iter().flatten())
                .map(|t| ByteArray::from(t.as_str()))
                .collect();
            let typed = column.typed::<ByteArrayType>();
            typed.write_batch(&known, Some(&levels(texts)), None)?;
        }
        Values::Number(numbers) => {
            let known: Vec<f64> = numbers.iter().flatten().copied().collect();
            let typed = column.typed::<DoubleType>();
            typed.write_batch(&known, Some(&levels(numbers)), None)?;
        }
        Values::Flag(flags) => {
            let known: Vec<bool> = flags.iter().flatten().copied().collect();
            let typed = column.typed::<BoolType>();
            typed.write_batch(&known, Some(&levels(flags)), None)?;
        }
    }
    column.close()
}

/// Well-known binary, little endian.
fn wkb(shape: &Shape) -> Vec<u8> {
    const POINT: u32 = 1;
    const POLYGON: u32 = 3;
    const MULTI_POLYGON: u32 = 6;
    let mut out = Vec::new();
    let head = |out: &mut Vec<u8>, kind: u32| {
        out.push(1);
        out.extend(kind.to_le_bytes());
    };
    // Rings and parts are counted in 32 bits: memory ends before these do.
    let count = |out: &mut Vec<u8>, n: usize| {
        out.extend(u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
    };
    let point = |out: &mut Vec<u8>, (lon, lat): (f64, f64)| {
        out.extend(lon.to_le_bytes());
        out.extend(lat.to_le_bytes());
    };
    match shape {
        Shape::Point(lon, lat) => {
            head(&mut out, POINT);
            point(&mut out, (*lon, *lat));
        }
        Shape::MultiPolygon(parts) => {
            head(&mut out, MULTI_POLYGON);
            count(&mut out, parts.len());
            for rings in parts {
                head(&mut out, POLYGON);
                count(&mut out, rings.len());
                for ring in rings {
                    count(&mut out, ring.len());
                    ring.iter().for_each(|p| point(&mut out, *p));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    #[test]
    fn a_table_comes_back_as_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cities.parquet");
        let square = vec![vec![
            (120.0, 31.0),
            (121.0, 31.0),
            (121.0, 32.5),
            (120.0, 31.0),
        ]];
        let table = ShapeTable {
            columns: vec![
                (
                    "name".into(),
                    Values::Text(vec![Some("南京".into()), None, Some("无锡".into())]),
                ),
                (
                    "watt_min".into(),
                    Values::Number(vec![Some(88.4), None, Some(86.6)]),
                ),
                (
                    "served".into(),
                    Values::Flag(vec![Some(true), Some(false), None]),
                ),
            ],
            shapes: vec![
                Some(Shape::MultiPolygon(vec![square])),
                None,
                Some(Shape::Point(120.3, 31.5)),
            ],
        };
        table.write(&path).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let pairs = reader.metadata().file_metadata().key_value_metadata();
        let geo = pairs.unwrap().iter().find(|p| p.key == "geo").unwrap();
        let geo: serde_json::Value = serde_json::from_str(geo.value.as_ref().unwrap()).unwrap();
        assert_eq!(geo["version"], "1.1.0");
        let column = &geo["columns"][geo["primary_column"].as_str().unwrap()];
        assert_eq!(column["encoding"], "WKB");
        assert_eq!(column["geometry_types"], json!(["MultiPolygon", "Point"]));
        assert_eq!(column["bbox"], json!([120.0, 31.0, 121.0, 32.5]));
        let rows: Vec<_> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|r| r.unwrap())
            .collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].get_string(0).unwrap(), "南京");
        assert!(rows[1].get_string(0).is_err() && rows[1].get_double(1).is_err());
        assert_eq!(rows[2].get_double(1).unwrap(), 86.6);
        assert!(!rows[1].get_bool(2).unwrap());
        // The point by hand: byte order, type 1, two doubles.
        let mut point = vec![1, 1, 0, 0, 0];
        point.extend(120.3_f64.to_le_bytes());
        point.extend(31.5_f64.to_le_bytes());
        assert_eq!(rows[2].get_bytes(3).unwrap().data(), point);
        let area = rows[0].get_bytes(3).unwrap().data();
        assert_eq!(area.len(), 9 + 9 + 4 + 4 * 16);
        assert_eq!(area[..9], [1, 6, 0, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn columns_of_another_length_or_with_odd_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |name: &str, values: Values| {
            let table = ShapeTable {
                columns: vec![(name.to_owned(), values)],
                shapes: vec![None],
            };
            let error = table.write(&folder.path().join("x.parquet")).unwrap_err();
            error.to_string()
        };
        assert!(refused("a", Values::Flag(Vec::new())).contains("column a has 0 values for 1"));
        assert!(refused("a b", Values::Flag(vec![None])).contains("no name of a column"));
        assert!(refused("geometry", Values::Flag(vec![None])).contains("geometry"));
    }
}
