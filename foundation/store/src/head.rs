//! The newest points of every series, in memory.

use std::sync::Arc;

use conurb_base::TimeMs;
use rustc_hash::FxHashMap;

use crate::{Point, Sample, SampleValue, SeriesKey};

/// Points in memory, by entity and then by attribute and dataset.
#[derive(Debug, Default)]
pub(crate) struct Head {
    entities: FxHashMap<Arc<str>, Vec<Line>>,
    bytes: usize,
}

#[derive(Debug)]
struct Line {
    attribute: Arc<str>,
    dataset: Option<Arc<str>>,
    points: Vec<Point>,
}

/// What a point costs in memory, about.
fn weight(point: &Point) -> usize {
    let text = match &point.value {
        SampleValue::Json(json) => json.len(),
        SampleValue::Number(_) | SampleValue::Deleted => 0,
    };
    std::mem::size_of::<Point>() + text
}

fn same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

impl Head {
    /// About how much memory the points take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    pub(crate) fn push(&mut self, seq: u64, sample: Sample) {
        let point = Point {
            observed_at: sample.observed_at,
            recorded_at: sample.recorded_at,
            seq,
            value: sample.value,
        };
        self.bytes += weight(&point);
        let SeriesKey {
            entity,
            attribute,
            dataset,
        } = sample.series;
        self.line(entity, attribute, dataset).points.push(point);
    }

    fn line(
        &mut self,
        entity: Arc<str>,
        attribute: Arc<str>,
        dataset: Option<Arc<str>>,
    ) -> &mut Line {
        let lines = self.entities.entry(entity).or_default();
        let found = lines.iter().position(|l| {
            same(&l.attribute, &attribute)
                && match (&l.dataset, &dataset) {
                    (None, None) => true,
                    (Some(a), Some(b)) => same(a, b),
                    _ => false,
                }
        });
        let at = found.unwrap_or_else(|| {
            lines.push(Line {
                attribute,
                dataset,
                points: Vec::new(),
            });
            lines.len() - 1
        });
        &mut lines[at]
    }

    /// The points of a series in the order they came.
    pub(crate) fn points(&self, series: &SeriesKey) -> &[Point] {
        self.entities
            .get(&series.entity)
            .into_iter()
            .flatten()
            .find(|l| l.attribute == series.attribute && l.dataset == series.dataset)
            .map_or(&[], |l| &l.points)
    }

    /// The series of an entity, in no order.
    pub(crate) fn series_of(&self, entity: &str) -> Vec<SeriesKey> {
        let Some((entity, lines)) = self.entities.get_key_value(entity) else {
            return Vec::new();
        };
        lines
            .iter()
            .map(|l| SeriesKey {
                entity: entity.clone(),
                attribute: l.attribute.clone(),
                dataset: l.dataset.clone(),
            })
            .collect()
    }

    /// Drops the points of an entity up to a commit.
    pub(crate) fn forget(&mut self, entity: &str, up_to_seq: u64) {
        let Some((entity, mut lines)) = self.entities.remove_entry(entity) else {
            return;
        };
        for line in &mut lines {
            line.points.retain(|point| {
                let keep = point.seq > up_to_seq;
                if !keep {
                    self.bytes -= weight(point);
                }
                keep
            });
        }
        lines.retain(|line| !line.points.is_empty());
        if !lines.is_empty() {
            self.entities.insert(entity, lines);
        }
    }

    /// Takes `older` back in front of what came since.
    pub(crate) fn absorb(&mut self, older: Self) {
        self.bytes += older.bytes;
        for (entity, lines) in older.entities {
            for mut line in lines {
                let mine = self.line(entity.clone(), line.attribute, line.dataset);
                line.points.append(&mut mine.points);
                mine.points = line.points;
            }
        }
    }

    /// Every series with its points, ascending by series; points ascending by time and sequence.
    pub(crate) fn sorted(&self) -> Vec<(SeriesKey, Vec<Point>)> {
        let mut all = Vec::new();
        for (entity, lines) in &self.entities {
            for line in lines {
                let key = SeriesKey {
                    entity: entity.clone(),
                    attribute: line.attribute.clone(),
                    dataset: line.dataset.clone(),
                };
                let mut points = line.points.clone();
                sort_points(&mut points);
                all.push((key, points));
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

/// Ascending by (observed_at, seq); points of one commit at one moment keep their order.
pub(crate) fn sort_points(points: &mut [Point]) {
    points.sort_by_key(|p| (p.observed_at, p.seq));
}

/// At most `limit` of sorted points, from the newer or the older end.
pub(crate) fn cut(mut points: Vec<Point>, limit: usize, newest: bool) -> Vec<Point> {
    if points.len() > limit {
        if newest {
            points.drain(..points.len() - limit);
        } else {
            points.truncate(limit);
        }
    }
    points
}

/// Whether `time` lies in `from..to`.
pub(crate) fn within(time: TimeMs, from: TimeMs, to: TimeMs) -> bool {
    from <= time && time < to
}
