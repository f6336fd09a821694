//! `conurb sim corridor`: an emergency vehicle with and without a green wave, on one seed, and who
//! pays for it. Runs the corridor scenario: the same options, constraints and choice.

use conurb_base::TimeMs;
use conurb_context::{Attribute, Entity};
use conurb_corridor::{CorridorScenario, InputDocument, OwnControl, Settings, names, propose};
use conurb_scenario::Proposal;
use conurb_traffic::Network;
use conurb_traffic::corridor::{Corridor, Effect};
use serde::Serialize;

use super::args::{CorridorArgs, OwnControlArg};
use super::corridor_report;
use crate::city::{self, City, Input};
use crate::fail::{Failure, io};
use crate::out::{Lang, Text, say};

/// Version of `corridor.json`.
const SCHEMA_VERSION: &str = "1.0";

/// `corridor.json`: what was tried, what it gives and costs, and the choice.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    schema_version: &'static str,
    /// City, for people.
    pub(crate) city: String,
    /// The generator's mark; null for observed data.
    pub(crate) synthetic: Option<Text>,
    inputs: Vec<Input>,
    /// Length of each run, s.
    pub(crate) span_s: u32,
    /// Seed of every run.
    pub(crate) seed: u32,
    /// Dispatch, s of the run.
    pub(crate) at_s: u32,
    /// First and last road of the way.
    from: String,
    to: String,
    /// What controls the signals otherwise.
    pub(crate) control: &'static str,
    /// What the twin knew.
    pub(crate) information_level: &'static str,
    /// Road ids of each route.
    routes: Vec<Vec<String>>,
    /// The vehicle without a plan where every phase gets its turn (the literature's FixedTime); its
    /// other figures are against itself.
    pub(crate) without_fixed_s: Option<f64>,
    /// Without a plan.
    pub(crate) without: Effect,
    /// Every plan tried.
    pub(crate) tried: Vec<Tried>,
    /// The chosen one in `tried`; null: the signals are left alone.
    pub(crate) chosen: Option<usize>,
    /// The reason.
    pub(crate) why: Text,
}

/// A plan tried.
#[derive(Debug, Serialize)]
pub(crate) struct Tried {
    /// What it does.
    #[serde(flatten)]
    pub(crate) effect: Effect,
    /// The constraint that forbids it.
    pub(crate) refused_by: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &CorridorArgs, lang: Lang) -> Result<(), Failure> {
    let city = load(args)?;
    let wrong = |e: String| Failure::plain(e, None);
    let (scenario, vehicle) = dispatch(args, &city).map_err(wrong)?;
    let at = TimeMs(i64::from(args.at) * 1000);
    let document = (scenario.document(&vehicle, at))
        .ok_or_else(|| wrong("the dispatch names no roads".to_owned()))?;
    let found = scenario.plan(&document).map_err(wrong)?;
    let proposal = propose(&document, &found).map_err(wrong)?;
    let fixed = match args.control {
        OwnControlArg::Fixed => found.without.vehicle_s,
        OwnControlArg::Maxpressure => {
            let mut document = document.clone();
            document.settings.control = OwnControl::Fixed;
            scenario.without_plan(&document).map_err(wrong)?.vehicle_s
        }
    };
    let written = told(args, city, &document, found, &proposal, fixed);
    write(args, &written)?;
    if args.json {
        say(&written.to_json());
    } else {
        say(&corridor_report::table(&written, lang));
        say(&format!(
            "{}: {}",
            lang.pick("报告", "report"),
            args.out.join("report.html").display()
        ));
    }
    Ok(())
}

fn load(args: &CorridorArgs) -> Result<City, Failure> {
    match (&args.network, &args.demand) {
        (Some(network), Some(demand)) => {
            if args.from.is_none() || args.to.is_none() {
                return Err(Failure::plain(
                    "name --from and --to: road ids of the network",
                    None,
                ));
            }
            let files = crate::cli::CityArgs {
                network: Some(network.clone()),
                demand: Some(demand.clone()),
                additional: Vec::new(),
                map: args.map.clone(),
                gen_spec: None,
                buses: Default::default(),
            };
            city::load(&files, args.span)
        }
        // The demand ends before the run does, so that traffic can recover in it.
        _ => city::arterial(&args.arterial, args.span / 5 * 4),
    }
}

/// The scenario on this city, and the vehicle as its dispatch centre reports it.
fn dispatch(args: &CorridorArgs, city: &City) -> Result<(CorridorScenario, Entity), String> {
    let settings = Settings {
        city: city.name.clone(),
        control: match args.control {
            OwnControlArg::Maxpressure => OwnControl::MaxPressure,
            OwnControlArg::Fixed => OwnControl::Fixed,
        },
        interval_s: args.interval,
        yellow_s: args.yellow_s,
        span_s: args.span,
        seed: args.seed,
        leads: args.leads.clone(),
        routes_max: args.routes,
        others_max_veh_s: args.others_max,
        ..Settings::default()
    };
    let hash = |role: &str| {
        let input = city.inputs.iter().find(|i| i.role == role);
        input.map(|i| i.sha256.clone()).unwrap_or_default()
    };
    let network = city.network.clone();
    let flows = city.demand.to_flows(&network);
    let (west, east) = ends(&network).ok_or("the network has no roads")?;
    let scenario =
        CorridorScenario::new(network, hash("network"), flows, hash("demand"), settings)?;
    let of = |v: &str| Attribute::property(serde_json::json!(v));
    let id = format!("urn:ngsi-ld:Vehicle:{}:ambulance-1", city.name);
    let vehicle = Entity::new(id.as_str(), names::VEHICLE.into())
        .with(names::SPECIAL_USAGE.into(), of("ambulance"))
        .with(names::SERVICE_STATUS.into(), of(names::ON_ROUTE))
        .with(
            names::FROM_ROAD.into(),
            of(args.from.as_ref().unwrap_or(&west)),
        )
        .with(names::TO_ROAD.into(), of(args.to.as_ref().unwrap_or(&east)));
    Ok((scenario, vehicle))
}

/// The first and the last road that lead from west to east: the ends of an arterial.
fn ends(network: &Network) -> Option<(String, String)> {
    let mut along: Vec<(f64, &str)> = network
        .roads()
        .iter()
        .filter_map(|road| {
            let (a, b) = (road.points.first()?, road.points.last()?);
            let eastward = b[0] > a[0] && (a[1] - b[1]).abs() < 1e-9;
            eastward.then_some((a[0], &*road.id))
        })
        .collect();
    along.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some((along.first()?.1.to_owned(), along.last()?.1.to_owned()))
}

fn told(
    args: &CorridorArgs,
    city: City,
    document: &InputDocument,
    found: Corridor,
    proposal: &Proposal,
    without_fixed_s: Option<f64>,
) -> Document {
    let refused = proposal.options[1..].iter().map(|o| o.refused_by.clone());
    Document {
        schema_version: SCHEMA_VERSION,
        city: city.name,
        synthetic: city.synthetic,
        inputs: city.inputs,
        span_s: args.span,
        seed: args.seed,
        at_s: args.at,
        from: document.from.clone(),
        to: document.to.clone(),
        control: args.control.word(),
        information_level: found.information_level,
        routes: found.routes,
        without_fixed_s,
        without: found.without,
        tried: (found.tried.into_iter().zip(refused))
            .map(|(effect, refused_by)| Tried { effect, refused_by })
            .collect(),
        chosen: proposal.chosen.checked_sub(1),
        why: proposal.why.clone().into(),
    }
}

impl Document {
    /// Canonical text.
    fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain figures and text always serialise")
    }
}

fn write(args: &CorridorArgs, document: &Document) -> Result<(), Failure> {
    let out = &args.out;
    std::fs::create_dir_all(out).map_err(|e| io(out, "cannot make", &e))?;
    let picture = corridor_report::svg(document);
    for (name, text) in [
        ("corridor.json", document.to_json() + "\n"),
        ("report.html", corridor_report::html(document, &picture)),
        ("corridor.svg", picture),
    ] {
        let file = out.join(name);
        std::fs::write(&file, text).map_err(|e| io(&file, "cannot write", &e))?;
    }
    Ok(())
}
