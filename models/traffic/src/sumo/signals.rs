//! Signal letters and programmes.

use super::net::{RawConnection, RawNet};
use super::network::place;
use super::unmodelled::Unmodelled;
use super::ways::Way;
use crate::error::TrafficError;
use crate::file::{Extra, LightPhaseExt, LightPhaseFile, TrafficLightExt, TrafficLightFile};

/// What a connection shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkSignal {
    /// Without signal: true where it gives way.
    Always(bool),
    /// Letters of its traffic light, by phase.
    Phases(String, Vec<char>),
}

/// The signal of a connection.
pub(super) fn of(
    raw: &RawNet,
    c: &RawConnection,
    file: &str,
    un: &mut Unmodelled,
) -> Result<LinkSignal, TrafficError> {
    if matches!(c.state, 's' | 'w') {
        un.add("stop sign: gives way without having to stop", file, c.line);
    }
    // Capital letters have priority, `=` is right before left.
    let minor = !c.state.is_ascii_uppercase();
    let Some((tl, index)) = &c.tl else {
        return Ok(LinkSignal::Always(minor));
    };
    let Some(programme) = raw.programmes.get(tl) else {
        return Err(TrafficError::UnknownId {
            at: place(file, c.line, "connection.tl".into()),
            what: "traffic light",
            id: tl.clone(),
            hint: " in this network".into(),
        });
    };
    let letters = programme.phases.iter().map(|phase| {
        phase
            .state
            .get(*index)
            .copied()
            .ok_or_else(|| TrafficError::OutOfRange {
                at: place(
                    file,
                    phase.line,
                    format!("tlLogic[id=\"{tl}\"].phase.state"),
                ),
                what: "link index",
                found: i64::try_from(*index).unwrap_or(i64::MAX),
                count: phase.state.len(),
            })
    });
    let letters = letters.collect::<Result<Vec<char>, _>>()?;
    if letters.contains(&'s') {
        un.add(
            "signal state `s` (stop, then go): gives way without having to stop",
            file,
            c.line,
        );
    }
    Ok(LinkSignal::Phases(tl.clone(), letters))
}

/// Whether a letter lets go, and whether it then gives way.
fn go(letter: char) -> Option<bool> {
    match letter {
        'G' | 'O' => Some(false),
        'g' | 'o' | 's' => Some(true),
        _ => None,
    }
}

/// The programme of a junction; one phase where there is no traffic light.
pub(super) fn light(
    raw: &RawNet,
    groups: &[Vec<usize>],
    ways: &[Way<'_>],
    begin_s: f64,
) -> TrafficLightFile {
    let signal = |g: &Vec<usize>| &ways[g[0]].signal;
    let programme = groups.iter().find_map(|g| match signal(g) {
        LinkSignal::Phases(tl, _) => raw.programmes.get(tl),
        LinkSignal::Always(_) => None,
    });
    let times = programme.map_or(vec![3_600.0], |p| {
        p.phases.iter().map(|q| q.duration_s).collect()
    });
    let mut lightphases = Vec::with_capacity(times.len());
    for (k, time) in times.iter().enumerate() {
        let mut phase = LightPhaseFile {
            time: *time,
            available_road_links: Vec::new(),
            conurb: None,
            extra: Extra::new(),
        };
        let mut yields = Vec::new();
        for (n, group) in (0..).zip(groups) {
            let shown = match signal(group) {
                LinkSignal::Always(minor) => Some(*minor),
                LinkSignal::Phases(_, letters) => letters.get(k).copied().and_then(go),
            };
            if let Some(minor) = shown {
                phase.available_road_links.push(n);
                if minor {
                    yields.push(n);
                }
            }
        }
        if !yields.is_empty() {
            phase.conurb = Some(LightPhaseExt {
                yield_road_links: yields,
            });
        }
        lightphases.push(phase);
    }
    let cycle: f64 = times.iter().sum();
    let offset = programme.map_or(0.0, |p| (p.offset_s - begin_s).rem_euclid(cycle));
    TrafficLightFile {
        road_link_indices: None,
        lightphases,
        conurb: (offset > 0.0).then_some(TrafficLightExt { offset }),
        extra: Extra::new(),
    }
}
