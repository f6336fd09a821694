//! `.sumocfg` and additional files: file names and times; detectors, closures and limits read, the rest
//! listed.

use super::closures::Closures;
use super::demand::Open;
use super::network::SumoNetwork;
use super::unmodelled::Unmodelled;
use super::xml::{Element, Node, Xml};
use crate::changes::ChangesFile;
use crate::error::TrafficError;

/// Most detectors of one file.
const DETECTORS_MAX: usize = 1_000_000;

/// What a `.sumocfg` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Network file, relative to the configuration.
    pub net_file: Option<String>,
    /// Route files in order.
    pub route_files: Vec<String>,
    /// Additional files in order.
    pub additional_files: Vec<String>,
    /// Begin, s.
    pub begin_s: f64,
    /// End, s; none: until the last vehicle has arrived.
    pub end_s: Option<f64>,
    /// Step length, s.
    pub step_s: f64,
    /// What is not modelled.
    pub unmodelled: Unmodelled,
}

/// Reads a `.sumocfg`.
pub fn read_config(bytes: &[u8], file: &str) -> Result<Config, TrafficError> {
    let mut xml = Xml::new(bytes, file)?;
    let mut config = Config {
        net_file: None,
        route_files: Vec::new(),
        additional_files: Vec::new(),
        begin_s: 0.0,
        end_s: None,
        step_s: 1.0,
        unmodelled: Unmodelled::default(),
    };
    // Options stand at any depth: SUMO groups them by topic, and does not mind how.
    while let Some(node) = xml.next()? {
        if let Node::Open(e) = node {
            option(&mut config, &mut xml, &e, file)?;
        }
    }
    Ok(config)
}

fn option(
    config: &mut Config,
    xml: &mut Xml<'_>,
    e: &Element,
    file: &str,
) -> Result<(), TrafficError> {
    let names = || -> Vec<String> {
        let all = e.get("value").unwrap_or("").split([',', ' ']);
        all.filter(|n| !n.is_empty()).map(str::to_owned).collect()
    };
    match e.name.as_str() {
        "net-file" | "net" | "n" => config.net_file = Some(xml.text(e, "value")?.to_owned()),
        "route-files" | "routes" | "r" => config.route_files = names(),
        "additional-files" | "additional" | "a" => config.additional_files = names(),
        "begin" | "b" => config.begin_s = xml.number(e, "value")?,
        "end" | "e" => config.end_s = Some(xml.number(e, "value")?).filter(|t| *t >= 0.0),
        "step-length" => {
            let step = xml.number(e, "value")?;
            config.step_s = xml.positive(e, "value", step, false)?;
        }
        // Groups, reports and outputs change nothing in the simulation.
        name if e.get("value").is_none() || name.ends_with("-output") || SILENT.contains(&name) => {
        }
        name => {
            let line = xml.line(e);
            config
                .unmodelled
                .add(&format!("option `{name}`: not used"), file, line);
        }
    }
    Ok(())
}

const SILENT: [&str; 10] = [
    "no-step-log",
    "verbose",
    "no-warnings",
    "duration-log.statistics",
    "gui-settings-file",
    "start",
    "quit-on-end",
    "log",
    "error-log",
    "xml-validation",
];

/// The kind of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorKind {
    /// An induction loop.
    E1,
    /// A stretch of a lane.
    E2,
}

/// A detector on a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Detector {
    /// Identifier.
    pub id: String,
    /// Kind.
    pub kind: DetectorKind,
    /// SUMO's lane, `edge_index` from the right.
    pub lane: String,
    /// Start from the beginning of the lane, m (negative: from its end).
    pub position_m: f64,
    /// Length, m (0 for loops).
    pub length_m: f64,
}

/// What an additional file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Additional {
    /// Detectors.
    pub detectors: Vec<Detector>,
    /// Closures of rerouters and limits of variable speed signs, in times of the run.
    pub changes: ChangesFile,
    /// What is not modelled.
    pub unmodelled: Unmodelled,
}

/// Reads an additional file: detectors, closures and limits; types, routes, vehicles and stops are read by
/// [`super::read_demand`], everything else is listed. The run begins at `begin_s` of the file's clock.
pub fn read_additional(
    bytes: &[u8],
    file: &str,
    net: &SumoNetwork,
    begin_s: f64,
) -> Result<Additional, TrafficError> {
    let mut xml = Xml::new(bytes, file)?;
    let mut found = Additional::default();
    let mut closures = Closures::new(net, begin_s);
    xml.next()?;
    while let Some(Node::Open(e)) = xml.next()? {
        let mut open = Open {
            xml: &mut xml,
            file,
        };
        match e.name.as_str() {
            "inductionLoop" | "e1Detector" => {
                found
                    .detectors
                    .push(detector(open.xml, &e, DetectorKind::E1)?);
            }
            "laneAreaDetector" | "e2Detector" if e.get("lane").is_some() => {
                found
                    .detectors
                    .push(detector(open.xml, &e, DetectorKind::E2)?);
            }
            // These two are read to their end.
            "rerouter" => {
                closures.rerouter(&mut open, &e, &mut found.unmodelled)?;
                continue;
            }
            "variableSpeedSign" => {
                closures.sign(&mut open, &e, &mut found.unmodelled)?;
                continue;
            }
            "vType" | "vTypeDistribution" | "route" | "vehicle" | "trip" | "flow" | "param"
            | "busStop" | "trainStop" | "person" | "personFlow" | "container" => {}
            other => {
                let line = open.xml.line(&e);
                let feature = format!("additional element `{other}`: not simulated");
                found.unmodelled.add(&feature, file, line);
            }
        }
        TrafficError::within(
            "number of detectors",
            found.detectors.len(),
            DETECTORS_MAX,
            || xml.at(&e, ""),
        )?;
        xml.skip()?;
    }
    found.changes = closures.found;
    Ok(found)
}

fn detector(xml: &Xml<'_>, e: &Element, kind: DetectorKind) -> Result<Detector, TrafficError> {
    let position_m = xml.number(e, "pos")?;
    let length = match (
        kind,
        xml.number_if(e, "length")?,
        xml.number_if(e, "endPos")?,
    ) {
        (DetectorKind::E1, ..) => 0.0,
        (DetectorKind::E2, Some(length), _) => length,
        (DetectorKind::E2, None, Some(end)) => end - position_m,
        (DetectorKind::E2, None, None) => xml.number(e, "length")?,
    };
    Ok(Detector {
        id: xml.text(e, "id")?.to_owned(),
        kind,
        lane: xml.text(e, "lane")?.to_owned(),
        position_m,
        length_m: xml.positive(e, "length", length, true)?,
    })
}
