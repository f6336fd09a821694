//! Signals and signs that nodes stand for.

use super::raw::Tags;
use crate::streets::Sign;

/// For whom a sign or signal on a way stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Facing {
    /// Not said: traffic to the nearer junction.
    #[default]
    Nearest,
    /// Traffic along the way.
    Forward,
    /// Traffic against it.
    Backward,
    Both,
}

/// What a node does to traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Control {
    pub(super) signal: bool,
    pub(super) sign: Option<Sign>,
    pub(super) facing: Facing,
}

/// Reads the tags of a node on a street.
pub(super) fn read(tags: &Tags, mut miss: impl FnMut(&str)) -> Control {
    let mut control = Control::default();
    match tags.get("highway") {
        Some("traffic_signals") => match tags.get("traffic_signals") {
            Some("pedestrian_crossing" | "crossing" | "emergency" | "ramp_meter" | "bus") => {
                miss("signal for pedestrians, ramps or emergencies: not simulated");
            }
            _ => control.signal = true,
        },
        Some("stop") => {
            control.sign = Some(Sign::Stop);
            miss("stop sign: gives way without having to stop");
            if tags.get("stop") == Some("all") {
                control.sign = None;
                miss("stop signs on all arms: as a crossing of equals");
            }
        }
        Some("give_way") => control.sign = Some(Sign::GiveWay),
        Some("crossing") => miss("pedestrian crossing: nobody crosses"),
        Some("mini_roundabout") => miss("mini roundabout: as a crossing"),
        Some("bus_stop") => miss("bus stop: not simulated"),
        _ => {}
    }
    if matches!(tags.get("railway"), Some("level_crossing")) {
        miss("level crossing: no trains come");
    }
    if tags.get("traffic_calming").is_some() {
        miss("traffic calming: not simulated");
    }
    match tags.get("barrier") {
        None => {}
        Some("bollard" | "block" | "jersey_barrier" | "debris") => {
            miss("barrier that keeps cars out (`bollard`, `block`): driven through");
        }
        Some(_) => miss("gate or other barrier: open"),
    }
    let direction = tags
        .get("traffic_signals:direction")
        .or_else(|| tags.get("direction"));
    control.facing = match direction {
        Some("forward") => Facing::Forward,
        Some("backward") => Facing::Backward,
        Some("both") => Facing::Both,
        _ => Facing::Nearest,
    };
    control
}
