//! The `.net.xml` file as it stands: edges, lanes, junctions, connections, programmes.

use std::collections::BTreeMap;

use super::location;
use super::unmodelled::Unmodelled;
use super::xml::{Element, Node, Xml};
use crate::anchor::Anchor;
use crate::error::TrafficError;

/// Most lanes of one edge and connections of one junction.
const LANES_PER_EDGE_MAX: usize = 64;
const EDGES_MAX: usize = 8_000_000;
const POINTS_MAX: usize = 10_000;
const REQUESTS_MAX: usize = 4_000;
const PHASES_MAX: usize = 1_000;

pub(crate) type Point = [f64; 2];

#[derive(Debug, Clone)]
pub(crate) struct RawLane {
    pub(crate) id: String,
    pub(crate) speed_m_s: f64,
    pub(crate) length_m: f64,
    pub(crate) width_m: f64,
    pub(crate) shape: Vec<Point>,
    pub(crate) cars: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct RawEdge {
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// `normal`, `internal`, `crossing`, `walkingarea`, `connector`.
    pub(crate) function: String,
    pub(crate) lanes: Vec<RawLane>,
    pub(crate) line: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct RawRequest {
    pub(crate) response: Vec<bool>,
    pub(crate) foes: Vec<bool>,
}

#[derive(Debug, Clone)]
pub(crate) struct RawJunction {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) point: Point,
    pub(crate) inc_lanes: Vec<String>,
    pub(crate) requests: Vec<RawRequest>,
    pub(crate) line: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct RawConnection {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) from_lane: usize,
    pub(crate) to_lane: usize,
    pub(crate) via: Option<String>,
    pub(crate) tl: Option<(String, usize)>,
    pub(crate) dir: String,
    pub(crate) state: char,
    pub(crate) line: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct RawPhase {
    pub(crate) duration_s: f64,
    pub(crate) state: Vec<char>,
    pub(crate) line: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct RawProgramme {
    pub(crate) offset_s: f64,
    pub(crate) phases: Vec<RawPhase>,
}

#[derive(Debug, Default)]
pub(crate) struct RawNet {
    pub(crate) edges: Vec<RawEdge>,
    pub(crate) junctions: Vec<RawJunction>,
    pub(crate) connections: Vec<RawConnection>,
    /// By identifier of the traffic light; the first programme read, as SUMO starts with.
    pub(crate) programmes: BTreeMap<String, RawProgramme>,
    /// Where on the globe it lies.
    pub(crate) anchor: Option<Anchor>,
}

pub(crate) fn read(bytes: &[u8], file: &str, un: &mut Unmodelled) -> Result<RawNet, TrafficError> {
    let mut reader = NetReader {
        xml: Xml::new(bytes, file)?,
        file,
        net: RawNet::default(),
        un,
    };
    reader.run()?;
    Ok(reader.net)
}

struct NetReader<'a> {
    xml: Xml<'a>,
    file: &'a str,
    net: RawNet,
    un: &'a mut Unmodelled,
}

impl NetReader<'_> {
    fn run(&mut self) -> Result<(), TrafficError> {
        match self.xml.next()? {
            Some(Node::Open(root)) if root.name != "net" => {
                return Err(TrafficError::Syntax {
                    at: self.xml.at(&root, ""),
                    message: format!("the root element is `{}`, not `net`", root.name),
                });
            }
            Some(Node::Open(root)) if root.get("lefthand") == Some("true") => {
                return Err(TrafficError::Inconsistent {
                    at: self.xml.at(&root, "lefthand"),
                    message: "traffic on the left cannot be simulated: give a network driven on \
                              the right"
                        .into(),
                });
            }
            _ => {}
        }
        while let Some(Node::Open(e)) = self.xml.next()? {
            match e.name.as_str() {
                "edge" => self.edge(&e)?,
                "junction" => self.junction(&e)?,
                "connection" => self.connection(&e)?,
                "tlLogic" => self.programme(&e)?,
                "location" => {
                    self.net.anchor = location::anchor(&self.xml, &e)?;
                    self.xml.skip()?;
                }
                "type" => {
                    self.xml.skip()?;
                }
                "roundabout" => {
                    // Its right of way is in the requests of its junctions.
                    self.xml.skip()?;
                }
                other => {
                    let line = self.xml.line(&e);
                    self.un
                        .add(&format!("net element `{other}`: not read"), self.file, line);
                    self.xml.skip()?;
                }
            }
        }
        self.xml.end()
    }

    fn limit(
        &self,
        e: &Element,
        what: &'static str,
        found: usize,
        limit: usize,
    ) -> Result<(), TrafficError> {
        TrafficError::within(what, found, limit, || self.xml.at(e, ""))
    }

    fn edge(&mut self, e: &Element) -> Result<(), TrafficError> {
        self.limit(e, "number of edges", self.net.edges.len() + 1, EDGES_MAX)?;
        let function = e.get("function").unwrap_or("normal").to_owned();
        let ends = function == "normal" || function == "connector";
        let mut edge = RawEdge {
            id: self.xml.text(e, "id")?.to_owned(),
            from: if ends {
                self.xml.text(e, "from")?.to_owned()
            } else {
                String::new()
            },
            to: if ends {
                self.xml.text(e, "to")?.to_owned()
            } else {
                String::new()
            },
            function,
            lanes: Vec::new(),
            line: self.xml.line(e),
        };
        while let Some(Node::Open(child)) = self.xml.next()? {
            if child.name == "lane" {
                let lane = self.lane(&child, edge.lanes.len())?;
                edge.lanes.push(lane);
                self.limit(e, "number of lanes", edge.lanes.len(), LANES_PER_EDGE_MAX)?;
            } else if child.name != "param" {
                let line = self.xml.line(&child);
                let feature = format!("edge element `{}`: not read", child.name);
                self.un.add(&feature, self.file, line);
                self.xml.skip()?;
                continue;
            }
            self.xml.skip()?;
        }
        if edge.lanes.is_empty() {
            return Err(TrafficError::Geometry {
                at: self.xml.at(e, ""),
                message: format!("edge \"{}\" has no lane", edge.id),
            });
        }
        self.net.edges.push(edge);
        Ok(())
    }

    fn lane(&self, e: &Element, due: usize) -> Result<RawLane, TrafficError> {
        let x = &self.xml;
        if e.get("index").is_some() && x.index(e, "index")? != due {
            return Err(TrafficError::Inconsistent {
                at: x.at(e, "index"),
                message: format!("lane {} comes where {due} is due", x.text(e, "index")?),
            });
        }
        let length = x.number(e, "length")?;
        let speed = x.number(e, "speed")?;
        let shape = self.shape(e)?;
        if shape.len() < 2 {
            return Err(TrafficError::Geometry {
                at: x.at(e, "shape"),
                message: format!("a lane has {} points, it needs at least 2", shape.len()),
            });
        }
        let width = x.number_if(e, "width")?.unwrap_or(3.2);
        Ok(RawLane {
            id: x.text(e, "id")?.to_owned(),
            speed_m_s: x.positive(e, "speed", speed, false)?,
            length_m: x.positive(e, "length", length, false)?,
            width_m: x.positive(e, "width", width, false)?,
            shape,
            cars: allows_cars(e),
        })
    }

    fn shape(&self, e: &Element) -> Result<Vec<Point>, TrafficError> {
        let text = self.xml.text(e, "shape")?;
        let wrong = |pair: &str| TrafficError::Syntax {
            at: self.xml.at(e, "shape"),
            message: format!("\"{pair}\" is no point `x,y`"),
        };
        let mut points = Vec::new();
        for pair in text.split_ascii_whitespace() {
            let mut numbers = pair.split(',').map(str::parse::<f64>);
            let point = match (numbers.next(), numbers.next()) {
                (Some(Ok(x)), Some(Ok(y))) if x.abs() <= 1e9 && y.abs() <= 1e9 => [x, y],
                _ => return Err(wrong(pair)),
            };
            points.push(point);
        }
        self.limit(e, "number of points", points.len(), POINTS_MAX)?;
        Ok(points)
    }

    fn junction(&mut self, e: &Element) -> Result<(), TrafficError> {
        let x = &self.xml;
        let mut junction = RawJunction {
            id: x.text(e, "id")?.to_owned(),
            kind: x.text(e, "type")?.to_owned(),
            point: [x.number(e, "x")?, x.number(e, "y")?],
            inc_lanes: words(e.get("incLanes")),
            requests: Vec::new(),
            line: self.xml.line(e),
        };
        while let Some(Node::Open(child)) = self.xml.next()? {
            if child.name == "request" {
                let index = self.xml.index(&child, "index")?;
                if index != junction.requests.len() {
                    return Err(TrafficError::Inconsistent {
                        at: self.xml.at(&child, "index"),
                        message: format!(
                            "request {index} comes where {} is due",
                            junction.requests.len()
                        ),
                    });
                }
                let request = RawRequest {
                    response: self.bits(&child, "response")?,
                    foes: self.bits(&child, "foes")?,
                };
                junction.requests.push(request);
                self.limit(
                    e,
                    "number of requests",
                    junction.requests.len(),
                    REQUESTS_MAX,
                )?;
            }
            self.xml.skip()?;
        }
        self.net.junctions.push(junction);
        Ok(())
    }

    /// A bit set, written with bit 0 last.
    fn bits(&self, e: &Element, name: &'static str) -> Result<Vec<bool>, TrafficError> {
        let text = self.xml.text(e, name)?;
        if !text.bytes().all(|b| b == b'0' || b == b'1') {
            return Err(TrafficError::Syntax {
                at: self.xml.at(e, name),
                message: format!("\"{text}\" is no row of 0 and 1"),
            });
        }
        Ok(text.bytes().rev().map(|b| b == b'1').collect())
    }

    fn connection(&mut self, e: &Element) -> Result<(), TrafficError> {
        let x = &self.xml;
        let tl = match e.get("tl") {
            Some(tl) => Some((tl.to_owned(), x.index(e, "linkIndex")?)),
            None => None,
        };
        let connection = RawConnection {
            from: x.text(e, "from")?.to_owned(),
            to: x.text(e, "to")?.to_owned(),
            from_lane: x.index(e, "fromLane")?,
            to_lane: x.index(e, "toLane")?,
            via: e.get("via").map(str::to_owned),
            tl,
            dir: e.get("dir").unwrap_or("s").to_owned(),
            state: e.get("state").and_then(|s| s.chars().next()).unwrap_or('M'),
            line: self.xml.line(e),
        };
        self.net.connections.push(connection);
        self.xml.skip()?;
        Ok(())
    }

    fn programme(&mut self, e: &Element) -> Result<(), TrafficError> {
        let id = self.xml.text(e, "id")?.to_owned();
        let line = self.xml.line(e);
        let mut programme = RawProgramme {
            offset_s: self.xml.number_if(e, "offset")?.unwrap_or(0.0),
            phases: Vec::new(),
        };
        while let Some(Node::Open(child)) = self.xml.next()? {
            if child.name == "phase" {
                let phase = self.phase(&child)?;
                if let Some(first) = programme.phases.first()
                    && first.state.len() != phase.state.len()
                {
                    return Err(TrafficError::Inconsistent {
                        at: self.xml.at(&child, "state"),
                        message: format!(
                            "the state has {} letters, the first phase of \"{id}\" has {}",
                            phase.state.len(),
                            first.state.len()
                        ),
                    });
                }
                programme.phases.push(phase);
                self.limit(e, "number of phases", programme.phases.len(), PHASES_MAX)?;
            }
            self.xml.skip()?;
        }
        match e.get("type").unwrap_or("static") {
            "static" => {}
            other => {
                let feature =
                    format!("traffic light type `{other}`: its durations as a fixed programme");
                self.un.add(&feature, self.file, line);
            }
        }
        if programme.phases.is_empty() {
            return Err(TrafficError::Inconsistent {
                at: self.xml.at(e, ""),
                message: format!("programme \"{id}\" has no phase"),
            });
        }
        if self.net.programmes.contains_key(&id) {
            self.un.add(
                "further programmes of a traffic light: the first one runs",
                self.file,
                line,
            );
            return Ok(());
        }
        self.net.programmes.insert(id, programme);
        Ok(())
    }

    fn phase(&mut self, e: &Element) -> Result<RawPhase, TrafficError> {
        let duration = self.xml.number(e, "duration")?;
        let state: Vec<char> = self.xml.text(e, "state")?.chars().collect();
        if let Some(bad) = state.iter().find(|c| !"GgYyrRsuoO".contains(**c)) {
            return Err(TrafficError::Syntax {
                at: self.xml.at(e, "state"),
                message: format!("\"{bad}\" is no signal state (one of G g y r s u o O)"),
            });
        }
        let line = self.xml.line(e);
        if e.get("next").is_some() {
            self.un.add(
                "phase attribute `next`: phases run in order",
                self.file,
                line,
            );
        }
        Ok(RawPhase {
            duration_s: self.xml.positive(e, "duration", duration, false)?,
            state,
            line,
        })
    }
}

fn words(text: Option<&str>) -> Vec<String> {
    let all = text.unwrap_or("").split_ascii_whitespace();
    all.map(str::to_owned).collect()
}

fn allows_cars(e: &Element) -> bool {
    let has = |list: &str| {
        list.split_ascii_whitespace()
            .any(|c| c == "passenger" || c == "all")
    };
    match (e.get("allow"), e.get("disallow")) {
        (Some(allow), _) => has(allow),
        (None, Some(disallow)) => !has(disallow),
        (None, None) => true,
    }
}
