//! The tables of defaults: `data/osm_highways.csv` and `data/osm_speed_zones.csv`.

use std::sync::LazyLock;

const HIGHWAYS: &str = include_str!("../../data/osm_highways.csv");
const ZONES: &str = include_str!("../../data/osm_speed_zones.csv");

/// What holds for a `highway` value where the way does not say it itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) drive: bool,
    pub(crate) rank: u8,
    /// Of one direction.
    pub(crate) lanes: u8,
    pub(crate) km_h: f64,
    pub(crate) oneway: bool,
    pub(crate) width_m: f64,
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.skip(1).map(|l| l.split(',').collect())
}

static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let class = |row: Vec<&'static str>| {
        Some(Class {
            name: row[0],
            drive: *row.get(1)? == "yes",
            rank: row.get(2)?.parse().ok()?,
            lanes: row.get(3)?.parse().ok()?,
            km_h: row.get(4)?.parse().ok()?,
            oneway: *row.get(5)? == "yes",
            width_m: row.get(6)?.parse().ok()?,
        })
    };
    rows(HIGHWAYS).filter_map(class).collect()
});

/// The row of a `highway` value.
pub(crate) fn class(highway: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|c| c.name == highway)
}

/// The limit of a zone as `CN:urban`, km/h.
pub(crate) fn zone_km_h(zone: &str) -> Option<f64> {
    let found = rows(ZONES).find(|row| row[0] == zone)?;
    found.get(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_reads() {
        assert_eq!(CLASSES.len(), rows(HIGHWAYS).count());
        assert!(rows(ZONES).all(|row| zone_km_h(row[0]).is_some_and(|v| v > 0.0)));
        let class = class("motorway").unwrap();
        assert!(class.drive && class.oneway && class.lanes == 2);
        assert!(super::class("footway").is_some_and(|c| !c.drive));
    }
}
