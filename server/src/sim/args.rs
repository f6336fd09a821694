//! What `conurb sim` can be asked.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use conurb_traffic::protocol::ProtocolOptions;
use conurb_traffic::{Changes, Parking};

use crate::city::{self, City};
use crate::cli::{CityArgs, MapArgs, parse_span};
use crate::control_around::AroundArgs;
use crate::control_run::Control;
use crate::fail::Failure;

/// `conurb sim`.
#[derive(Debug, Args)]
#[command(
    after_help = "Controllers: fixed, file, webster, greenwave, actuated, maxpressure, efficient-mp,\n\
    advanced-mp, maxqueue, lookahead, lookahead-l1, lookahead-ld\n\
    (`docs/traffic/model.md` and `docs/traffic/control.md` say what each one is and what it knows).\n\n\
    Examples:\n  \
    conurb sim run --network roadnet.json --demand flow.json --controller maxpressure\n  \
    conurb sim compare --gen signals=16,seed=1 --controllers fixed,webster,maxpressure --seeds 10\n  \
    conurb sim run --gen signals=16,seed=1 --controller actuated --pedestrians 60 --priority bus\n  \
    conurb sim run --network town.osm --demand flow.json --gtfs feed.zip --date 2026-03-02 --from 07:30\n  \
    conurb sim assign --network roadnet.json --od od.csv --method equilibrium\n  \
    conurb sim calibrate --network roadnet.json --od prior.csv --counts counts.csv\n  \
    conurb sim bench --gen signals=64,seed=1"
)]
pub(crate) struct SimArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: SimCommand,
}

/// What can be done with the twin.
#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Run one controller and print its measures
    Run(RunArgs),
    /// Run several controllers on the same seeds: a table with intervals, and a figure
    Compare(CompareArgs),
    /// Convert a network and its demand: CityFlow, SUMO, or a map in, CityFlow or SUMO out
    Convert(ConvertArgs),
    /// Turn a binary replay log of `run` into the text that CityFlow's player reads
    Replay(ReplayArgs),
    /// An emergency vehicle with and without a green wave: its time, the delay of others, who pays
    #[cfg(feature = "corridor")]
    Corridor(Box<CorridorArgs>),
    /// Trips from tables, with routes: origin-destination matrices or turning shares in, a demand file out
    Assign(Box<super::demand_args::AssignArgs>),
    /// Fit an origin-destination matrix to counts of detectors
    Calibrate(Box<super::demand_args::CalibrateArgs>),
    /// Time the engine on these files: vehicle updates a second on one thread
    Bench(BenchArgs),
}

/// How the signals are asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProtocolArgs {
    /// How long to run: seconds, or 90s, 15m, 1h.
    #[arg(long, default_value = "1h", value_parser = parse_span)]
    pub(crate) span: u32,
    /// Seconds between two decisions (15 or 30 in the publications).
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(2..=600))]
    pub(crate) interval: u32,
    /// Seconds of clearance (phase 0) before a changed phase.
    #[arg(long = "yellow", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=60))]
    pub(crate) yellow_s: u32,
    /// Phases that may be chosen, first-last.
    #[arg(long, default_value = "1-4", value_parser = parse_phases)]
    pub(crate) phases: RangeInclusive<u16>,
    /// Seed of the simulation; further seeds count up from it.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u32,
    /// Let vehicles change lane, as the publications do (CityFlow networks).
    #[arg(long)]
    pub(crate) lane_change: bool,
    /// Threads for the steps of a run: the same results, sooner in cities of 100,000 vehicles.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) threads: u32,
    /// What changes on the streets during the run (JSON): speed limits by time, closures, incidents.
    #[arg(long, value_name = "FILE")]
    pub(crate) changes: Option<PathBuf>,
    /// Car parks, and what share of trips looks for one (JSON).
    #[arg(long, value_name = "FILE")]
    pub(crate) parking: Option<PathBuf>,
}

impl ProtocolArgs {
    /// For the runner.
    pub(crate) fn options(&self, city: &mut City) -> Result<ProtocolOptions, Failure> {
        let net = Arc::clone(&city.network);
        let given = city.changes()?;
        let mut read = |role: &str, path: &PathBuf| {
            let bytes = city::read(path)?;
            let name = city::name_of(path);
            city.inputs.push(city::input(role, &name, &bytes, &[]));
            Ok::<_, Failure>((bytes, name))
        };
        let changes = match &self.changes {
            Some(path) => {
                let (bytes, name) = read("changes", path)?;
                given.and(Changes::from_json(&bytes, &name, &net)?)
            }
            None => given,
        };
        let changes = (!changes.is_empty()).then(|| Arc::new(changes));
        let parking = match &self.parking {
            Some(path) => {
                let (bytes, name) = read("parking", path)?;
                Some(Arc::new(Parking::from_json(&bytes, &name, &net)?))
            }
            None => None,
        };
        Ok(ProtocolOptions {
            interval_s: self.interval,
            duration_s: self.span,
            yellow_s: self.yellow_s,
            phases: self.phases.clone(),
            seed: self.seed,
            lane_change: self.lane_change,
            threads: self.threads,
            changes,
            parking,
        })
    }
}

/// `conurb sim run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The city.
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// How the signals are asked.
    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,
    /// Who sets the phases.
    #[arg(long, default_value = "fixed")]
    pub(crate) controller: Control,
    /// Who else has a say.
    #[command(flatten)]
    pub(crate) around: AroundArgs,
    /// Write where every vehicle is after every second: CityFlow's text (with the shapes of the
    /// network in a .json beside it) where the name ends in .txt, else binary.
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing while running.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// `conurb sim compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The city.
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// How the signals are asked.
    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,
    /// Who is compared; the first is what the others are measured against.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "fixed,webster,maxpressure"
    )]
    pub(crate) controllers: Vec<Control>,
    /// Who else has a say.
    #[command(flatten)]
    pub(crate) around: AroundArgs,
    /// How many seeds; from two on there are intervals.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) seeds: u32,
    /// Folder for compare.json and compare.svg.
    #[arg(long, value_name = "DIR", default_value = "out/compare")]
    pub(crate) out: PathBuf,
    /// Print compare.json to standard output instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing while running.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// `conurb sim replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The city of the run.
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// How long the run was: seconds, or 90s, 15m, 1h.
    #[arg(long, default_value = "1h", value_parser = parse_span)]
    pub(crate) span: u32,
    /// The binary log.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: PathBuf,
    /// The text to write; the network's shapes go into a .json beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `conurb sim convert`.
#[derive(Debug, Args)]
#[command(
    after_help = "A map (OpenStreetMap, GMNS) may be converted without a demand. Everything in it that is not\n\
    modelled is listed.\n\n\
    Examples:\n  \
    conurb sim convert --network town.osm.pbf --bbox 120.1,30.2,120.2,30.3 --to cityflow --out town\n  \
    conurb sim convert --network town.net.xml --demand town.rou.xml --to cityflow --out town"
)]
pub(crate) struct ConvertArgs {
    /// The city.
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// The format to write.
    #[arg(long, value_enum)]
    pub(crate) to: FormatArg,
    /// Folder for the files.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Formats of networks and demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// roadnet.json and flow.json; what CityFlow has no word for stands in members `conurb`.
    Cityflow,
    /// Plain XML for netconvert, and routes.
    Sumo,
}

/// `conurb sim corridor`.
#[cfg(feature = "corridor")]
#[derive(Debug, Args)]
#[command(
    after_help = "Without files an arterial is generated. Writes into --out: corridor.json, corridor.svg, report.html.\n\n\
    Examples:\n  \
    conurb sim corridor\n  \
    conurb sim corridor --network roadnet.json --demand flow.json --from road_0_1_0 --to road_4_1_0 --at 900"
)]
pub(crate) struct CorridorArgs {
    /// Road network: CityFlow JSON, SUMO (.net.xml), OpenStreetMap (.osm, .osm.pbf), or a folder of
    /// GMNS tables.
    #[arg(long, value_name = "FILE", requires = "demand")]
    pub(crate) network: Option<PathBuf>,
    /// Demand: CityFlow JSON, or SUMO routes, trips and flows (.rou.xml).
    #[arg(long, value_name = "FILE", requires = "network")]
    pub(crate) demand: Option<PathBuf>,
    /// Of a map.
    #[command(flatten)]
    pub(crate) map: MapArgs,
    /// The arterial to generate: signals=N,block=METRES,load=L,seed=S.
    #[arg(
        long,
        value_name = "SPEC",
        default_value = "signals=21,block=333,load=0.7,seed=5",
        conflicts_with = "network"
    )]
    pub(crate) arterial: String,
    /// First road of the way; of a generated arterial its western end.
    #[arg(long, value_name = "ROAD")]
    pub(crate) from: Option<String>,
    /// Last road of the way; of a generated arterial its eastern end.
    #[arg(long, value_name = "ROAD")]
    pub(crate) to: Option<String>,
    /// When the vehicle sets out: 600, 90s, 15m.
    #[arg(long, default_value = "600", value_parser = parse_span)]
    pub(crate) at: u32,
    /// How long to run: seconds, or 90s, 15m, 1h.
    #[arg(long, default_value = "50m", value_parser = parse_span)]
    pub(crate) span: u32,
    /// What controls the signals before, after and beside the plan.
    #[arg(long, value_enum, default_value_t = OwnControlArg::Maxpressure)]
    pub(crate) control: OwnControlArg,
    /// Seconds between two of its decisions.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(4..=600))]
    pub(crate) interval: u32,
    /// Seconds of clearance before a changed phase.
    #[arg(long = "yellow", default_value_t = 5, value_parser = clap::value_parser!(u32).range(3..=15))]
    pub(crate) yellow_s: u32,
    /// Leads to try: how early a signal turns, in multiples of the time its queue needs.
    #[arg(long, value_delimiter = ',', default_value = "0.5,1,1.5,2,3")]
    pub(crate) leads: Vec<f64>,
    /// Most routes to try.
    #[arg(long, default_value_t = 3)]
    pub(crate) routes: usize,
    /// Most delay to all others together, vehicle-seconds.
    #[arg(long, value_name = "VEH_S", allow_negative_numbers = true)]
    pub(crate) others_max: Option<f64>,
    /// Seed of the simulation.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u32,
    /// Folder for the results.
    #[arg(long, value_name = "DIR", default_value = "out/corridor")]
    pub(crate) out: PathBuf,
    /// Print corridor.json to standard output instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What controls the signals otherwise.
#[cfg(feature = "corridor")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OwnControlArg {
    /// Max pressure, queues known exactly.
    Maxpressure,
    /// Every phase in turn (the literature's FixedTime).
    Fixed,
}

#[cfg(feature = "corridor")]
impl OwnControlArg {
    /// The word of the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Maxpressure => "maxpressure",
            Self::Fixed => "fixed",
        }
    }
}

/// `conurb sim bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The city.
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// How the signals are asked.
    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,
    /// Runs; the fastest and the median are printed.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ValueEnum for Control {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Control; Control::ALL.len()] = {
            let mut all = [Control::Fixed; Control::ALL.len()];
            let mut i = 0;
            while i < all.len() {
                all[i] = Control::ALL[i].1;
                i += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.word()))
    }
}

/// `1-4`, or one number.
fn parse_phases(text: &str) -> Result<RangeInclusive<u16>, String> {
    let number = |t: &str| {
        t.trim()
            .parse::<u16>()
            .map_err(|_| format!("\"{text}\" is no range of phases; write 1-4"))
    };
    let (first, last) = match text.split_once('-') {
        Some((a, b)) => (number(a)?, number(b)?),
        None => (number(text)?, number(text)?),
    };
    if first > last {
        return Err(format!("\"{text}\" ends before it begins"));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_read_as_people_write_them() {
        assert_eq!(parse_phases("1-4"), Ok(1..=4));
        assert_eq!(parse_phases("2"), Ok(2..=2));
        for bad in ["", "a", "4-1", "1-", "-1", "1-99999"] {
            assert!(parse_phases(bad).is_err(), "{bad}");
        }
    }
}
