//! The sixteen corridors of the high-speed plan of 2016. A later plan is another file.

use serde::{Deserialize, Serialize};

use super::{Origin, list, rows};

/// Direction of a corridor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// North to south.
    Vertical,
    /// East to west.
    Horizontal,
}

/// What a part is to its corridor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// The main line.
    Main,
    /// A second route between the same ends.
    SecondRoute,
    /// A branch.
    Branch,
    /// A line the plan counts in.
    Included,
    /// Another end; where it joins is not stated in the plan.
    AlternativeEnd,
    /// Another way through; where it joins is not stated in the plan.
    AlternativeVia,
}

/// Cities of one part, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CorridorPart {
    /// What it is.
    pub kind: PartKind,
    /// Cities.
    pub cities_zh: Vec<String>,
    /// The same cities.
    pub cities_en: Vec<String>,
}

/// A corridor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Corridor {
    /// `V1` to `V8`, `H1` to `H8`.
    pub id: String,
    /// Direction.
    pub orientation: Orientation,
    /// Name.
    pub name_zh: String,
    /// Name.
    pub name_en: String,
    /// `continuous` when trains run through; `None` = not known.
    pub status: Option<String>,
    /// Who says so, and when; `None` with the status.
    pub status_origin: Option<Origin>,
    /// Design speed; differs by segment and is not known for any corridor as a whole.
    pub design_speed_km_h: Option<f64>,
    /// Length; `None` = not known.
    pub length_km: Option<f64>,
    /// Parts, the main line first.
    pub parts: Vec<CorridorPart>,
    /// The plan.
    pub origin: Origin,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    orientation: Orientation,
    name_zh: String,
    name_en: String,
    status: Option<String>,
    status_year: Option<u16>,
    status_source: Option<String>,
    design_speed_km_h: Option<f64>,
    length_km: Option<f64>,
    source: String,
    year: u16,
}

#[derive(Deserialize)]
struct PartRow {
    corridor: String,
    kind: PartKind,
    cities_zh: String,
    cities_en: String,
}

/// The sixteen corridors.
#[must_use]
pub fn corridors() -> Vec<Corridor> {
    let parts: Vec<PartRow> = rows(include_bytes!("../../data/corridor_parts.csv"));
    rows::<Row>(include_bytes!("../../data/corridors.csv"))
        .into_iter()
        .map(|r| Corridor {
            parts: parts
                .iter()
                .filter(|p| p.corridor == r.id)
                .map(|p| CorridorPart {
                    kind: p.kind,
                    cities_zh: list(&p.cities_zh, ';'),
                    cities_en: list(&p.cities_en, ';'),
                })
                .collect(),
            id: r.id,
            orientation: r.orientation,
            name_zh: r.name_zh,
            name_en: r.name_en,
            status: r.status,
            status_origin: r
                .status_source
                .zip(r.status_year)
                .map(|(source, year)| Origin { source, year }),
            design_speed_km_h: r.design_speed_km_h,
            length_km: r.length_km,
            origin: Origin {
                source: r.source,
                year: r.year,
            },
        })
        .collect()
}
