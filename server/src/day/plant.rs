//! The city, played by the twin: vehicles, signal controllers and detectors. The brain sees it only
//! through detector payloads and touches it only through commands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use conurb_act::{Channel, Command, Receipt};
use conurb_base::TimeMs;
use conurb_signals::layout::SignalLayout;
use conurb_signals::{Settings, SignalController, fixed_plan};
use conurb_traffic::{Network, Sim, TrafficError};

/// The roadside controllers, shared by the plant (which runs them) and the channel (which reaches
/// them).
pub(crate) struct Roadside {
    controllers: Vec<SignalController>,
    by_urn: BTreeMap<String, usize>,
}

impl Roadside {
    /// Controllers of all signals, on their own plans.
    pub(crate) fn new(layouts: &[SignalLayout], settings: &Settings) -> Self {
        Self {
            controllers: layouts
                .iter()
                .map(|l| {
                    SignalController::new(
                        fixed_plan(l),
                        settings.clearance_phase,
                        l.options[0].phase,
                    )
                })
                .collect(),
            by_urn: layouts
                .iter()
                .enumerate()
                .map(|(i, l)| (l.urn.to_string(), i))
                .collect(),
        }
    }
}

/// A handle on the roadside.
pub(crate) type SharedRoadside = Arc<Mutex<Roadside>>;

/// Locks the roadside; a panic elsewhere does not make the controllers unreachable.
fn lock(roadside: &SharedRoadside) -> MutexGuard<'_, Roadside> {
    roadside
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The way from the desk to the controllers.
pub(crate) struct RoadsideChannel(pub(crate) SharedRoadside);

impl Channel for RoadsideChannel {
    fn send(&mut self, command: &Command, _now: TimeMs) -> Result<Receipt, String> {
        let mut roadside = lock(&self.0);
        let Some(&i) = roadside.by_urn.get(&command.actuator) else {
            return Err(format!("no controller answers for {}", command.actuator));
        };
        if command.action.get("release").is_some() {
            roadside.controllers[i].release();
            return Ok(Receipt::Accepted);
        }
        let number = |name: &str| command.action.get(name).and_then(serde_json::Value::as_u64);
        let (Some(phase), Some(yellow)) = (number("phase"), number("yellow_s")) else {
            return Ok(Receipt::Refused {
                reason: "the action names no phase and yellow_s".into(),
            });
        };
        let phase = u16::try_from(phase).unwrap_or(u16::MAX);
        let yellow_s = u32::try_from(yellow).unwrap_or(u32::MAX);
        match roadside.controllers[i].command(phase, yellow_s, command.expires_at) {
            Ok(()) => Ok(Receipt::Accepted),
            Err(reason) => Ok(Receipt::Refused { reason }),
        }
    }
}

/// One payload of a detector station: the topic it is published under, and its bytes.
pub(crate) struct Payload {
    /// Topic, `detectors/<junction>` or `signals/<junction>`.
    pub(crate) topic: String,
    /// JSON.
    pub(crate) body: Vec<u8>,
}

/// The city.
pub(crate) struct Plant {
    network: Arc<Network>,
    /// Its vehicles.
    pub(crate) sim: Sim,
    roadside: SharedRoadside,
    layouts: Vec<SignalLayout>,
    start: TimeMs,
    /// Lanes each station reports: entering and leaving lanes, each reported once in the city.
    stations: Vec<Vec<conurb_traffic::LaneIx>>,
    entered: Vec<u32>,
}

impl Plant {
    /// A city whose vehicles are those of `sim`.
    pub(crate) fn new(
        network: Arc<Network>,
        sim: Sim,
        layouts: Vec<SignalLayout>,
        roadside: SharedRoadside,
        start: TimeMs,
    ) -> Self {
        let mut taken = vec![false; network.lanes().len()];
        let mut claim = |lanes: &[conurb_traffic::LaneIx]| -> Vec<conurb_traffic::LaneIx> {
            lanes
                .iter()
                .copied()
                .filter(|l| !std::mem::replace(&mut taken[l.ix()], true))
                .collect()
        };
        let mut stations: Vec<Vec<_>> = layouts.iter().map(|l| claim(&l.entering)).collect();
        for (station, layout) in stations.iter_mut().zip(&layouts) {
            station.extend(claim(&layout.leaving));
        }
        let entered = vec![0; network.lanes().len()];
        Self {
            network,
            sim,
            roadside,
            layouts,
            start,
            stations,
            entered,
        }
    }

    /// The simulated time of day.
    pub(crate) fn now(&self) -> TimeMs {
        #[allow(clippy::cast_possible_truncation)] // a span is at most a week
        let ms = (self.sim.time_s() * 1000.0).round() as i64;
        TimeMs(self.start.0 + ms)
    }

    /// What all stations report now.
    pub(crate) fn reports(&mut self) -> Vec<Payload> {
        let time = self.now().to_iso();
        let mut out = Vec::with_capacity(2 * self.layouts.len());
        for i in 0..self.layouts.len() {
            let signal = self.signal_report(i, &time);
            out.push(signal);
            out.push(self.station_report(i, &time));
        }
        out
    }

    fn signal_report(&self, i: usize, time: &str) -> Payload {
        let id = &self.layouts[i].id;
        let (phase, green_s) = {
            let controller = &lock(&self.roadside).controllers[i];
            (controller.target(), controller.green_for_s())
        };
        Payload {
            topic: format!("signals/{id}"),
            body: format!(
                "{{\"device\":\"{id}\",\"t\":\"{time}\",\"phase\":{phase},\"green_s\":{green_s}}}"
            )
            .into_bytes(),
        }
    }

    fn station_report(&mut self, i: usize, time: &str) -> Payload {
        let mut body = String::with_capacity(self.stations[i].len() * 140);
        body.push('[');
        for (k, lane) in self.stations[i].iter().enumerate() {
            let r = self.sim.lane(*lane);
            let entered =
                r.entered_total - std::mem::replace(&mut self.entered[lane.ix()], r.entered_total);
            let l = &self.network.lanes()[lane.ix()];
            let _ = write!(
                body,
                "{}{{\"device\":\"{}\",\"t\":\"{time}\",\"lane\":{},\"vehicles\":{},\"queue\":{},\
                 \"occupancy\":{:.4},\"intensity\":{entered}",
                if k == 0 { "" } else { "," },
                l.id,
                l.index,
                r.vehicles,
                r.waiting,
                r.occupancy.min(1.0),
            );
            if let Some(v) = r.mean_speed_m_s {
                let _ = write!(body, ",\"speed_km_h\":{:.3}", v * 3.6);
            }
            body.push('}');
        }
        body.push(']');
        Payload {
            topic: format!("detectors/{}", self.layouts[i].id),
            body: body.into_bytes(),
        }
    }

    /// Runs the controllers and the traffic for one second.
    pub(crate) fn second(&mut self) -> Result<(), TrafficError> {
        let now = self.now();
        {
            let mut roadside = lock(&self.roadside);
            for (controller, layout) in roadside.controllers.iter_mut().zip(&self.layouts) {
                let phase = controller.tick(now);
                self.sim.set_phase(layout.junction, phase)?;
            }
        }
        self.sim.step();
        Ok(())
    }
}
