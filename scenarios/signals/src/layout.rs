//! A junction as its signal sees it: entering and leaving lanes, and the phases that may be chosen.

use std::sync::Arc;

use conurb_decide::Bilingual;
use conurb_traffic::{JunctionIx, LaneIx, Network, Turn};

use crate::names;
use crate::settings::Settings;

/// One admissible phase of a junction.
#[derive(Debug, Clone)]
pub struct PhaseOption {
    /// Index of the light phase in the network file.
    pub phase: u16,
    /// Positions in `entering` of the lanes it serves beyond those that always go.
    pub lanes: Vec<usize>,
    /// Its name for people, from compass and turns.
    pub label: Bilingual,
}

/// One junction with a signal.
#[derive(Debug, Clone)]
pub struct SignalLayout {
    /// In the network.
    pub junction: JunctionIx,
    /// Its id in the network file.
    pub id: Arc<str>,
    /// Its entity id.
    pub urn: Arc<str>,
    /// Lanes that lead to it.
    pub entering: Vec<LaneIx>,
    /// Lanes that lead away.
    pub leaving: Vec<LaneIx>,
    /// Admissible phases, at least two.
    pub options: Vec<PhaseOption>,
}

/// All signals of a network that leave a choice, in the network's order.
#[must_use]
pub fn signals_of(network: &Network, settings: &Settings) -> Vec<SignalLayout> {
    network
        .signalised()
        .into_iter()
        .filter_map(|j| {
            let entering = network.incoming_lanes(j).to_vec();
            let options = options_of(network, j, &entering, settings);
            (options.len() >= 2).then(|| {
                let id: Arc<str> = Arc::from(&*network.junctions()[j.ix()].id);
                SignalLayout {
                    junction: j,
                    urn: Arc::from(names::signal_urn(&settings.city, &id).as_str()),
                    id,
                    leaving: network.outgoing_lanes(j).to_vec(),
                    entering,
                    options,
                }
            })
        })
        .collect()
}

fn options_of(
    network: &Network,
    j: JunctionIx,
    entering: &[LaneIx],
    settings: &Settings,
) -> Vec<PhaseOption> {
    let count = u16::try_from(network.junctions()[j.ix()].phases.len()).unwrap_or(u16::MAX);
    let wanted: Vec<u16> = if settings.phases.is_empty() {
        (1..=4).filter(|p| *p < count).collect()
    } else {
        settings
            .phases
            .iter()
            .copied()
            .filter(|p| *p < count)
            .collect()
    };
    let options = build(network, j, entering, settings, &wanted);
    if options.len() >= 2 || !settings.phases.is_empty() {
        return options;
    }
    let all: Vec<u16> = (0..count)
        .filter(|p| *p != settings.clearance_phase)
        .collect();
    build(network, j, entering, settings, &all)
}

fn build(
    network: &Network,
    j: JunctionIx,
    entering: &[LaneIx],
    settings: &Settings,
    phases: &[u16],
) -> Vec<PhaseOption> {
    let always: &[_] = network.phase_links(j, settings.clearance_phase);
    phases
        .iter()
        .filter_map(|&phase| {
            let green: Vec<_> = network
                .phase_links(j, phase)
                .iter()
                .copied()
                .filter(|l| !always.contains(l))
                .collect();
            let lanes: Vec<usize> = entering
                .iter()
                .enumerate()
                .filter(|(_, lane)| green.iter().any(|l| network.links()[l.ix()].from == **lane))
                .map(|(i, _)| i)
                .collect();
            (!lanes.is_empty()).then(|| PhaseOption {
                phase,
                label: label(network, &green),
                lanes,
            })
        })
        .collect()
}

/// Where traffic on a link comes from: 0 west, 1 south, 2 east, 3 north.
fn origin(network: &Network, from: LaneIx) -> usize {
    let road = &network.roads()[network.lanes()[from.ix()].road.ix()];
    let (first, last) = (road.points[0], road.points[road.points.len() - 1]);
    let (dx, dy) = (last[0] - first[0], last[1] - first[1]);
    match (dx.abs() >= dy.abs(), dx >= 0.0, dy >= 0.0) {
        (true, true, _) => 0,
        (true, false, _) => 2,
        (false, _, true) => 1,
        (false, _, false) => 3,
    }
}

fn label(network: &Network, green: &[conurb_traffic::LinkIx]) -> Bilingual {
    const ZH: [&str; 4] = ["西", "南", "东", "北"];
    const EN: [&str; 4] = ["W", "S", "E", "N"];
    let mut origins = [false; 4];
    let (mut straight, mut left, mut right) = (false, false, false);
    for &l in green {
        let link = &network.links()[l.ix()];
        origins[origin(network, link.from)] = true;
        match link.turn {
            Turn::Straight => straight = true,
            Turn::Left => left = true,
            Turn::Right => right = true,
        }
    }
    let pick = |names: [&str; 4], sep: &str| {
        let named: Vec<&str> = (0..4).filter(|i| origins[*i]).map(|i| names[i]).collect();
        named.join(sep)
    };
    let turns = |names: [&str; 3], sep: &str| {
        let flags = [straight, left, right];
        let named: Vec<&str> = (0..3).filter(|i| flags[*i]).map(|i| names[i]).collect();
        named.join(sep)
    };
    Bilingual {
        zh: format!(
            "{}进口{}",
            pick(ZH, ""),
            turns(["直行", "左转", "右转"], "")
        ),
        en: format!(
            "{} {}",
            pick(EN, "-"),
            turns(["through", "left", "right"], "+")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conurb_traffic::citygen::{City, CityOptions};

    fn network() -> Network {
        let options = CityOptions {
            signals: 9,
            span_s: 60,
            ..CityOptions::default()
        };
        let city = City::generate(&options).expect("a small city");
        Network::from_json(&city.network_json, "roadnet.json").expect("it reads")
    }

    #[test]
    fn every_signal_has_a_choice_and_each_option_serves_lanes() {
        let network = network();
        let layouts = signals_of(&network, &Settings::default());
        assert_eq!(layouts.len(), 9);
        for l in &layouts {
            assert!(l.options.len() >= 2);
            let mut served: Vec<usize> = l.options.iter().flat_map(|o| o.lanes.clone()).collect();
            served.sort_unstable();
            assert!(served.iter().all(|i| *i < l.entering.len()));
            for o in &l.options {
                assert_ne!(o.phase, Settings::default().clearance_phase);
                assert!(!o.lanes.is_empty());
                assert!(!o.label.en.trim().is_empty() && !o.label.zh.is_empty());
            }
            // No lane both enters and leaves.
            assert!(l.entering.iter().all(|e| !l.leaving.contains(e)));
        }
    }

    #[test]
    fn phases_that_are_named_are_the_only_options() {
        let network = network();
        let only = Settings {
            phases: vec![1, 3, 999],
            ..Settings::default()
        };
        for l in signals_of(&network, &only) {
            assert!(l.options.iter().all(|o| o.phase == 1 || o.phase == 3));
        }
        let one = Settings {
            phases: vec![1],
            ..Settings::default()
        };
        assert!(
            signals_of(&network, &one).is_empty(),
            "no choice, no signal"
        );
    }
}
