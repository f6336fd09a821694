//! Emergency corridor: a green wave for one vehicle, and what it costs everybody else.
//!
//! From dispatch on, every signal on the vehicle's route turns to its movement early enough for the
//! queue before it to clear, holds until it has passed, and goes back to its own control. How
//! early is the plan's one figure, the *lead*: a multiple of the time the queue of the moment needs
//! to discharge. Plans (routes x leads) are tried in the twin; the fastest whose cost to others
//! stays within a bound is chosen. Every try is a whole run on the same seed, so that the
//! difference to the run without a plan is the plan's alone.
//!
//! Method: queue-based pre-emption lead after Qin and Khan, "Control strategies of traffic signal
//! timing transition for emergency vehicle preemption", Transportation Research C 25 (2012);
//! discharge by start-up loss and saturation headway (HCM 6, chapter 19).

mod route;
mod run;

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use crate::control::Controller;
use crate::demand::Demand;
use crate::error::TrafficError;
use crate::file::{self, FlowFile};
use crate::ids::RoadIx;
use crate::network::Network;
use crate::protocol::ProtocolOptions;
use crate::vehicle::{VehicleClass, VehicleTemplate};

pub use route::alternatives;

/// Who is to be let through.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// First road of the way.
    pub from: RoadIx,
    /// Last road of the way.
    pub to: RoadIx,
    /// When the vehicle appears on it, s.
    pub at_s: u32,
    /// Its kinematics.
    pub vehicle: VehicleTemplate,
}

/// What may be tried, and what it may cost.
#[derive(Debug, Clone, PartialEq)]
pub struct CorridorOptions {
    /// Leads to try: multiples of the queue's discharge time.
    pub leads: Vec<f64>,
    /// Most routes to try.
    pub routes_max: usize,
    /// Most delay to all others together, vehicle-seconds; none: no bound.
    pub others_max_veh_s: Option<f64>,
    /// Saturation headway of a discharging queue, s.
    pub headway_s: f64,
    /// Start-up loss, s.
    pub startup_s: f64,
    /// Signal control of everybody else, and the length of the run.
    pub protocol: ProtocolOptions,
}

impl Default for CorridorOptions {
    fn default() -> Self {
        Self {
            leads: vec![0.5, 1.0, 1.5, 2.0, 3.0],
            routes_max: 3,
            others_max_veh_s: None,
            // HCM 6: 1,900 veh/h of base saturation flow; two seconds of start-up loss.
            headway_s: 3_600.0 / 1_900.0,
            startup_s: 2.0,
            protocol: ProtocolOptions::default(),
        }
    }
}

/// One plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Which of the alternative routes, from 0.
    pub route: usize,
    /// Lead; none: signals stay with their own control.
    pub lead: Option<f64>,
}

/// What a road's users pay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Payer {
    /// The road.
    pub road: String,
    /// More time spent on it than without the plan, vehicle-seconds.
    pub more_veh_s: f64,
}

/// One signal turned for the vehicle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hold {
    /// The junction.
    pub junction: String,
    /// The phase it shows for the vehicle, clearance before it included in the time.
    pub phase: u16,
    /// Its stop line, metres from the start of the route (roads alone, junctions left out).
    pub at_m: f64,
    /// From when, s of the run.
    pub from_s: f64,
    /// Until when it goes back to its own control, s; the end of the run where it had not.
    pub to_s: f64,
}

/// What a plan does, as run in the twin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// The plan.
    pub plan: Plan,
    /// Travel time of the emergency vehicle, s; none: it had not arrived when the run ended.
    pub vehicle_s: Option<f64>,
    /// More time spent in the network by all others than without a plan, vehicle-seconds.
    pub others_veh_s: f64,
    /// The same for each other vehicle of the run, s.
    pub others_mean_s: f64,
    /// Seconds from the vehicle's arrival until as few vehicles are in the network as without a
    /// plan (within one in fifty, for a minute); none: not within the run.
    pub recovery_s: Option<u32>,
    /// Who pays most, the most first (at most ten roads).
    pub payers: Vec<Payer>,
    /// The signals turned, in the order of the route.
    pub holds: Vec<Hold>,
    /// Where the vehicle was: time of the run, s, and metres from the start of its route (as
    /// [`Hold::at_m`]), by second. Left out of what is written.
    #[serde(skip)]
    pub track: Vec<(f64, f64)>,
}

/// The choice and what it was chosen from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Corridor {
    /// Road ids of each alternative route.
    pub routes: Vec<Vec<String>>,
    /// Without a plan, on the shortest route.
    pub without: Effect,
    /// Every plan tried, in order.
    pub tried: Vec<Effect>,
    /// The chosen one in `tried`; none: no plan helps within the bound.
    pub chosen: Option<usize>,
    /// What the twin knew: routes and arrivals of all vehicles (`L2` of `docs/traffic/model.md`).
    pub information_level: &'static str,
}

/// Makes a controller of everybody else, fresh for each run.
pub type MakeController<'a> = &'a (dyn Fn() -> Box<dyn Controller> + Sync);

/// Tries the plans in the twin and chooses.
///
/// # Errors
/// A way that does not exist, or options outside their domain.
pub fn plan(
    net: &Arc<Network>,
    flows: &[FlowFile],
    dispatch: &Dispatch,
    control: MakeController<'_>,
    options: &CorridorOptions,
) -> Result<Corridor, TrafficError> {
    check(options, dispatch)?;
    let routes = alternatives(net, dispatch, options.routes_max)?;
    let demands = routes
        .iter()
        .map(|route| with_vehicle(net, flows, route, dispatch))
        .collect::<Result<Vec<_>, _>>()?;
    let course = |plan: &Plan| {
        let job = run::Job {
            net,
            demand: &demands[plan.route],
            route: &routes[plan.route],
            lead: plan.lead,
            options,
        };
        run::course(&job, &mut *control())
    };
    let nothing = Plan {
        route: 0,
        lead: None,
    };
    let without = course(&nothing)?;
    let plans: Vec<Plan> = (0..routes.len())
        .flat_map(|route| {
            options.leads.iter().map(move |lead| Plan {
                route,
                lead: Some(*lead),
            })
        })
        .collect();
    let tried = plans
        .into_par_iter()
        .map(|plan| Ok(run::effect(net, &without, &course(&plan)?, plan)))
        .collect::<Result<Vec<_>, TrafficError>>()?;
    let without = run::effect(net, &without, &without, nothing);
    Ok(Corridor {
        routes: routes.iter().map(|r| names(net, r)).collect(),
        chosen: choose(&without, &tried, options.others_max_veh_s),
        without,
        tried,
        information_level: "L2",
    })
}

/// The vehicle on the shortest route without a plan, under another control of the signals.
///
/// # Errors
/// As [`plan`].
pub fn without_plan(
    net: &Arc<Network>,
    flows: &[FlowFile],
    dispatch: &Dispatch,
    control: MakeController<'_>,
    options: &CorridorOptions,
) -> Result<Effect, TrafficError> {
    check(options, dispatch)?;
    let route = alternatives(net, dispatch, 1)?.swap_remove(0);
    let job = run::Job {
        net,
        demand: &with_vehicle(net, flows, &route, dispatch)?,
        route: &route,
        lead: None,
        options,
    };
    let course = run::course(&job, &mut *control())?;
    let nothing = Plan {
        route: 0,
        lead: None,
    };
    Ok(run::effect(net, &course, &course, nothing))
}

/// The fastest plan within the bound that is faster than none; ties cost others least.
fn choose(without: &Effect, tried: &[Effect], most_veh_s: Option<f64>) -> Option<usize> {
    let time = |e: &Effect| e.vehicle_s.unwrap_or(f64::INFINITY);
    (0..tried.len())
        .filter(|i| most_veh_s.is_none_or(|most| tried[*i].others_veh_s <= most))
        .filter(|i| time(&tried[*i]) < time(without))
        .min_by(|a, b| {
            let key = |i: usize| (time(&tried[i]), tried[i].others_veh_s);
            let (a, b) = (key(*a), key(*b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
}

fn names(net: &Network, route: &[RoadIx]) -> Vec<String> {
    (route.iter())
        .map(|r| net.roads()[r.ix()].id.clone())
        .collect()
}

/// The demand with the emergency vehicle as its last flow.
fn with_vehicle(
    net: &Network,
    flows: &[FlowFile],
    route: &[RoadIx],
    dispatch: &Dispatch,
) -> Result<Arc<Demand>, TrafficError> {
    let vehicle = VehicleTemplate {
        class: VehicleClass::Emergency,
        ..dispatch.vehicle
    };
    let mut all = flows.to_vec();
    all.push(FlowFile {
        vehicle: crate::to_file::vehicle(&vehicle),
        route: names(net, route),
        interval: 1.0,
        start_time: Some(i64::from(dispatch.at_s)),
        end_time: Some(i64::from(dispatch.at_s)),
        conurb: None,
        extra: file::Extra::new(),
    });
    Demand::from_file(&all, "demand with emergency vehicle", net).map(Arc::new)
}

fn check(o: &CorridorOptions, dispatch: &Dispatch) -> Result<(), TrafficError> {
    let wrong = |what: &'static str, message: String| Err(TrafficError::Option { what, message });
    if o.leads.is_empty() || o.leads.len() > 20 {
        return wrong("leads", format!("{} are not within 1 to 20", o.leads.len()));
    }
    if let Some(bad) = o.leads.iter().find(|l| !(0.0..=20.0).contains(*l)) {
        return wrong("leads", format!("{bad} is not within 0 to 20"));
    }
    if !(1..=10).contains(&o.routes_max) {
        return wrong(
            "routes_max",
            format!("{} is not within 1 to 10", o.routes_max),
        );
    }
    if dispatch.at_s >= o.protocol.duration_s {
        let message = format!(
            "the vehicle appears at {} s, the run ends at {} s",
            dispatch.at_s, o.protocol.duration_s
        );
        return wrong("at_s", message);
    }
    Ok(())
}
