//! Sealed history as Parquet: sorted rows, one column each, readable by any Parquet reader.
//!
//! Rows ascend by (entity, attribute, dataset, observed_at, seq), so that the statistics of a
//! row group say whether a series can be in it. Codecs are pinned: times and sequences are delta
//! packed, names are dictionaries, everything is zstd.

use std::path::Path;
use std::sync::Arc;

use conurb_base::TimeMs;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::reader::ColumnReaderImpl;
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

use crate::{Point, SampleValue, SeriesKey};

/// Rows of one row group: small enough to skip, large enough to pack.
const GROUP_ROWS: usize = 64 << 10;

const SCHEMA: &str = "message history {
    required binary entity (STRING);
    required binary attribute (STRING);
    optional binary dataset (STRING);
    required int64 observed_at_ms (TIMESTAMP(MILLIS, true));
    required int64 recorded_at_ms (TIMESTAMP(MILLIS, true));
    required int64 seq;
    optional double number;
    optional binary json (STRING);
    required boolean deleted;
}";

const ENTITY: usize = 0;
const ATTRIBUTE: usize = 1;
const DATASET: usize = 2;
const OBSERVED: usize = 3;
const RECORDED: usize = 4;
const SEQ: usize = 5;
const NUMBER: usize = 6;
const JSON: usize = 7;
const DELETED: usize = 8;

/// One row.
pub(crate) type Row = (SeriesKey, Point);

/// Which rows to read.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    /// Of this entity only.
    pub(crate) entity: Option<&'a str>,
    /// Of this series only (its entity must be `entity`).
    pub(crate) series: Option<&'a SeriesKey>,
    /// Observed in `from..to` only.
    pub(crate) span: Option<(TimeMs, TimeMs)>,
}

fn schema() -> Result<TypePtr> {
    parse_message_type(SCHEMA).map(Arc::new)
}

fn properties() -> Result<WriterPropertiesPtr> {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        // Whole names in the statistics: a cut one would not tell neighbours apart.
        .set_statistics_truncate_length(None)
        .set_created_by("conurb".to_owned());
    for name in ["observed_at_ms", "recorded_at_ms", "seq"] {
        let column = ColumnPath::from(name);
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(Arc::new(builder.build()))
}

/// The bytes of a file with these series, which must ascend with their points ascending.
pub(crate) fn write(series: &[(SeriesKey, Vec<Point>)]) -> Result<Vec<u8>> {
    let mut writer = SerializedFileWriter::new(Vec::new(), schema()?, properties()?)?;
    let rows: Vec<(&SeriesKey, &Point)> = series
        .iter()
        .flat_map(|(key, points)| points.iter().map(move |point| (key, point)))
        .collect();
    for group in rows.chunks(GROUP_ROWS) {
        let mut out = writer.next_row_group()?;
        write_group(&mut out, group)?;
        out.close()?;
    }
    writer.into_inner()
}

fn write_group<W: std::io::Write + Send>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[(&SeriesKey, &Point)],
) -> Result<()> {
    column::<ByteArrayType, W>(out, &all(rows, |k, _| text(&k.entity)), None)?;
    column::<ByteArrayType, W>(out, &all(rows, |k, _| text(&k.attribute)), None)?;
    optional::<ByteArrayType, W>(out, all(rows, |k, _| k.dataset.as_ref().map(text)))?;
    column::<Int64Type, W>(out, &all(rows, |_, p| p.observed_at.0), None)?;
    column::<Int64Type, W>(out, &all(rows, |_, p| p.recorded_at.0), None)?;
    column::<Int64Type, W>(out, &all(rows, |_, p| p.seq as i64), None)?;
    let number = |_: &SeriesKey, p: &Point| match p.value {
        SampleValue::Number(n) => Some(n),
        _ => None,
    };
    optional::<DoubleType, W>(out, all(rows, number))?;
    let json = |_: &SeriesKey, p: &Point| match &p.value {
        SampleValue::Json(json) => Some(text(json)),
        _ => None,
    };
    optional::<ByteArrayType, W>(out, all(rows, json))?;
    let deleted = all(rows, |_, p| p.value == SampleValue::Deleted);
    column::<BoolType, W>(out, &deleted, None)
}

fn all<T>(rows: &[(&SeriesKey, &Point)], of: impl Fn(&SeriesKey, &Point) -> T) -> Vec<T> {
    rows.iter().map(|(key, point)| of(key, point)).collect()
}

fn text(name: &Arc<str>) -> ByteArray {
    ByteArray::from(name.as_bytes().to_vec())
}

fn column<T: DataType, W: std::io::Write + Send>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let mut column = out
        .next_column()?
        .ok_or_else(|| odd("a column is missing"))?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn optional<T: DataType, W: std::io::Write + Send>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    values: Vec<Option<T::T>>,
) -> Result<()> {
    let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    column::<T, W>(out, &present, Some(&levels))
}

fn odd(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// The rows of a file that pass the filter, in file order.
pub(crate) fn read(path: &Path, filter: &Filter<'_>) -> Result<Vec<Row>> {
    let file = std::fs::File::open(path).map_err(|e| ParquetError::External(Box::new(e)))?;
    let reader = SerializedFileReader::new(file)?;
    let mut rows = Vec::new();
    for n in 0..reader.num_row_groups() {
        if may_hold(reader.metadata().row_group(n), filter) {
            read_group(&*reader.get_row_group(n)?, filter, &mut rows)?;
        }
    }
    Ok(rows)
}

/// Whether the statistics of a row group leave room for a wanted row.
fn may_hold(group: &RowGroupMetaData, filter: &Filter<'_>) -> bool {
    let entity_fits = match (filter.entity, group.column(ENTITY).statistics()) {
        (Some(entity), Some(Statistics::ByteArray(s))) => {
            let entity = entity.as_bytes();
            s.min_opt().is_none_or(|min| min.data() <= entity)
                && s.max_opt().is_none_or(|max| entity <= max.data())
        }
        _ => true,
    };
    let time_fits = match (filter.span, group.column(OBSERVED).statistics()) {
        (Some((from, to)), Some(Statistics::Int64(s))) => {
            s.min_opt().is_none_or(|min| *min < to.0)
                && s.max_opt().is_none_or(|max| from.0 <= *max)
        }
        _ => true,
    };
    entity_fits && time_fits
}

fn read_group(group: &dyn RowGroupReader, filter: &Filter<'_>, out: &mut Vec<Row>) -> Result<()> {
    let rows = usize::try_from(group.metadata().num_rows()).map_err(|_| odd("rows below zero"))?;
    let entities = required::<ByteArrayType>(group, ENTITY, 0, rows)?;
    // Sorted by entity: the wanted rows lie together.
    let (start, end) = filter.entity.map_or((0, rows), |entity| {
        let entity = entity.as_bytes();
        (
            entities.partition_point(|e| e.data() < entity),
            entities.partition_point(|e| e.data() <= entity),
        )
    });
    let count = end - start;
    if count == 0 {
        return Ok(());
    }
    let attributes = required::<ByteArrayType>(group, ATTRIBUTE, start, count)?;
    let datasets = nullable::<ByteArrayType>(group, DATASET, start, count)?;
    let observed = required::<Int64Type>(group, OBSERVED, start, count)?;
    let recorded = required::<Int64Type>(group, RECORDED, start, count)?;
    let seqs = required::<Int64Type>(group, SEQ, start, count)?;
    let numbers = nullable::<DoubleType>(group, NUMBER, start, count)?;
    let jsons = nullable::<ByteArrayType>(group, JSON, start, count)?;
    let deleted = required::<BoolType>(group, DELETED, start, count)?;
    let mut names = Names::default();
    for i in 0..count {
        let (entity, attribute) = (entities[start + i].data(), attributes[i].data());
        let dataset = datasets[i].as_ref().map(ByteArray::data);
        let wanted = filter.series.is_none_or(|s| {
            s.attribute.as_bytes() == attribute
                && s.dataset.as_deref().map(str::as_bytes) == dataset
        });
        let observed_at = TimeMs(observed[i]);
        let timely = filter
            .span
            .is_none_or(|(from, to)| from <= observed_at && observed_at < to);
        if !wanted || !timely {
            continue;
        }
        let value = match (deleted[i], numbers[i], &jsons[i]) {
            (true, ..) => SampleValue::Deleted,
            (_, Some(number), _) => SampleValue::Number(number),
            (_, None, Some(json)) => SampleValue::Json(Arc::from(utf8(json.data())?)),
            (_, None, None) => return Err(odd("a row has no value")),
        };
        let point = Point {
            observed_at,
            recorded_at: TimeMs(recorded[i]),
            seq: seqs[i] as u64,
            value,
        };
        out.push((names.key(entity, attribute, dataset)?, point));
    }
    Ok(())
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| odd("a text is not UTF-8"))
}

/// The last key, so that rows of one series share their names.
#[derive(Default)]
struct Names {
    last: Option<SeriesKey>,
}

impl Names {
    fn key(
        &mut self,
        entity: &[u8],
        attribute: &[u8],
        dataset: Option<&[u8]>,
    ) -> Result<SeriesKey> {
        if let Some(last) = &self.last
            && last.entity.as_bytes() == entity
            && last.attribute.as_bytes() == attribute
            && last.dataset.as_deref().map(str::as_bytes) == dataset
        {
            return Ok(last.clone());
        }
        let key = SeriesKey {
            entity: Arc::from(utf8(entity)?),
            attribute: Arc::from(utf8(attribute)?),
            dataset: dataset.map(utf8).transpose()?.map(Arc::from),
        };
        self.last = Some(key.clone());
        Ok(key)
    }
}

fn open_column<T: DataType>(
    group: &dyn RowGroupReader,
    column: usize,
    start: usize,
) -> Result<ColumnReaderImpl<T>> {
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(column)?);
    if start > 0 {
        reader.skip_records(start)?;
    }
    Ok(reader)
}

fn required<T: DataType>(
    group: &dyn RowGroupReader,
    column: usize,
    start: usize,
    count: usize,
) -> Result<Vec<T::T>> {
    let mut reader = open_column::<T>(group, column, start)?;
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let (records, ..) = reader.read_records(count - values.len(), None, None, &mut values)?;
        if records == 0 {
            return Err(odd("a column is shorter than its row group"));
        }
    }
    Ok(values)
}

fn nullable<T: DataType>(
    group: &dyn RowGroupReader,
    column: usize,
    start: usize,
    count: usize,
) -> Result<Vec<Option<T::T>>> {
    let mut reader = open_column::<T>(group, column, start)?;
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    while levels.len() < count {
        let left = count - levels.len();
        let (records, ..) = reader.read_records(left, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(odd("a column is shorter than its row group"));
        }
    }
    let mut values = values.into_iter();
    Ok(levels
        .into_iter()
        .map(|level| if level > 0 { values.next() } else { None })
        .collect())
}
