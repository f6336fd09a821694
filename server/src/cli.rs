//! The command line: what can be asked of `conurb`, in words worth reading.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use conurb_transit::Date;

/// Conurb: cities that see, decide and act together.
#[derive(Debug, Parser)]
#[command(
    name = "conurb",
    version,
    about = "Conurb: cities that see, decide and act together",
    long_about = "One loop, perceive -> think -> decide -> act -> measure, run over a city's own data.\n\
                  `conurb day` proves its effect on a simulated clock; `conurb up` runs it at wall time.",
    after_help = "Examples:\n  \
        conurb day --gen signals=16,seed=7 --span 1h --out out/day\n  \
        conurb day --network roadnet.json --demand flow.json --seeds 5\n  \
        conurb sim compare --gen signals=16,seed=1 --controllers fixed,maxpressure --seeds 10\n  \
        conurb up --config conurb.toml\n  \
        conurb decide verify --data out/day\n\n\
        Every command takes --help. Exit codes: 0 done, 1 a declared KPI is worse than its\n\
        baseline or a check failed, 2 the input cannot be used.",
    propagate_version = true
)]
pub(crate) struct Cli {
    /// Language of what is printed for people.
    #[arg(
        long,
        global = true,
        value_enum,
        env = "CONURB_LANG",
        default_value = "auto"
    )]
    pub(crate) lang: LangArg,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Languages of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LangArg {
    /// By LANG / LC_ALL.
    Auto,
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a span of a city, with and without the brain, and print the scorecard
    Day(Box<DayArgs>),
    /// Run, compare and time signal controllers on a network: the traffic twin alone
    Sim(Box<crate::sim::SimArgs>),
    /// Plan a cluster of cities: define -> analyse -> optimise, and a report that names the losers first
    Plan(crate::plan::PlanArgs),
    /// Official clusters of cities, delineation of new ones, reach of a city
    Cluster(crate::plan::ClusterArgs),
    /// Run the loop at wall time on your own sources: HTTP, MQTT, rules, decisions
    Up(UpArgs),
    /// Generate a believable synthetic city, in the same files as a real one
    Gen(GenArgs),
    /// Read, check, replay and overturn decisions
    Decide(DecideArgs),
    /// Check this machine and a data folder, and say what to do about each finding
    Doctor(DoctorArgs),
    /// Print shell completions
    #[command(after_help = "Example: conurb completions bash > /etc/bash_completion.d/conurb")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff), or write one page a command into a folder
    Man {
        /// The folder; without it the main page goes to standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

/// Which city to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct CityArgs {
    /// Road network: CityFlow JSON, SUMO (.net.xml), OpenStreetMap (.osm, .osm.pbf), or a folder of
    /// GMNS tables.
    #[arg(long, value_name = "FILE")]
    pub(crate) network: Option<PathBuf>,
    /// Demand: CityFlow JSON, or SUMO routes, trips and flows (.rou.xml).
    #[arg(long, value_name = "FILE", requires = "network")]
    pub(crate) demand: Option<PathBuf>,
    /// Additional files of SUMO, in order: bus stops, vehicles, closures (rerouter), speed limits by time
    /// (variableSpeedSign); with a demand of SUMO.
    #[arg(long, value_name = "FILES", value_delimiter = ',', requires = "demand")]
    pub(crate) additional: Vec<PathBuf>,
    /// Of a map.
    #[command(flatten)]
    pub(crate) map: MapArgs,
    /// Generate the city instead: signals=N,seed=S,load=L.
    #[arg(long = "gen", id = "gen_spec", value_name = "SPEC", conflicts_with_all = ["network", "demand"])]
    pub(crate) gen_spec: Option<String>,
    /// Buses of a timetable.
    #[command(flatten)]
    pub(crate) buses: BusArgs,
}

/// Buses of a timetable, added to the demand.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BusArgs {
    /// Add the buses of this GTFS feed (zip or folder) to the demand; without --demand they drive alone.
    #[arg(long, value_name = "FEED", requires = "date")]
    pub(crate) gtfs: Option<PathBuf>,
    /// Day of the timetable: 2026-03-02.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "gtfs", value_parser = parse_date)]
    pub(crate) date: Option<Date>,
    /// Time of that day at which the run begins, HH:MM; 07:00 where nothing is said.
    #[arg(long, id = "buses_from", value_name = "HH:MM", requires = "gtfs")]
    pub(crate) from: Option<String>,
    /// Where the origin of the network's coordinates lies, longitude,latitude in degrees; for networks
    /// that do not say so themselves.
    #[arg(long, value_name = "LON,LAT", requires = "gtfs", value_parser = parse_place, allow_hyphen_values = true)]
    pub(crate) anchor: Option<PlaceDeg>,
}

/// Longitude and latitude in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PlaceDeg(pub(crate) [f64; 2]);

fn parse_place(text: &str) -> Result<PlaceDeg, String> {
    let parts: Result<Vec<f64>, _> = text.split(',').map(|p| p.trim().parse()).collect();
    match parts.as_deref() {
        Ok(&[lon, lat]) if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) => {
            Ok(PlaceDeg([lon, lat]))
        }
        _ => Err("two degrees are needed: longitude,latitude, as 120.15,30.25".into()),
    }
}

fn parse_date(text: &str) -> Result<Date, String> {
    let day: Result<Date, _> = text.parse();
    day.map_err(|_| "a day is needed, as 2026-03-02".into())
}

/// Where a road network alone comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct NetworkArgs {
    /// Road network: CityFlow JSON, SUMO (.net.xml), OpenStreetMap (.osm, .osm.pbf), or a folder of
    /// GMNS tables.
    #[arg(long, value_name = "FILE", required_unless_present = "gen_spec")]
    pub(crate) network: Option<PathBuf>,
    /// Of a map.
    #[command(flatten)]
    pub(crate) map: MapArgs,
    /// Generate the network instead: signals=N,seed=S.
    #[arg(
        long = "gen",
        id = "gen_spec",
        value_name = "SPEC",
        conflicts_with = "network"
    )]
    pub(crate) gen_spec: Option<String>,
}

/// What is read of a map, and how.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MapArgs {
    /// Of a map, the part to read: west,south,east,north in degrees.
    #[arg(long, value_name = "BOX", requires = "network", value_parser = parse_bbox, allow_hyphen_values = true)]
    pub(crate) bbox: Option<BoxDeg>,
    /// Of a map: traffic drives on the left.
    #[arg(long, requires = "network")]
    pub(crate) left_hand: bool,
}

/// West, south, east, north in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BoxDeg(pub(crate) [f64; 4]);

fn parse_bbox(text: &str) -> Result<BoxDeg, String> {
    let parts: Result<Vec<f64>, _> = text.split(',').map(|p| p.trim().parse()).collect();
    match parts.as_deref() {
        Ok(&[west, south, east, north])
            if (-180.0..=180.0).contains(&west)
                && (-180.0..=180.0).contains(&east)
                && (-90.0..=90.0).contains(&south)
                && (-90.0..=90.0).contains(&north)
                && west < east
                && south < north =>
        {
            Ok(BoxDeg([west, south, east, north]))
        }
        _ => Err("four degrees are needed: west,south,east,north, as 120.1,30.2,120.2,30.3".into()),
    }
}

/// `conurb day`.
#[derive(Debug, Args)]
#[command(
    after_help = "The twin plays the city: its detectors publish through the same intake as any sensor, and\n\
    commands come back through the same channel. The run is repeated with the fixed baseline and\n\
    with the strongest fixed plan that can be computed from the demand, on the same seed.\n\n\
    Writes into --out: report.html, report.json (byte-equal for equal inputs and seed),\n\
    timing.json (wall-clock figures), ledger/ (decisions; see `conurb decide`).\n\n\
    Examples:\n  \
    conurb day --network roadnet_4_4.json --demand flow.json --controller lookahead\n  \
    conurb day --gen signals=100,seed=3 --span 2h --seeds 3 --json"
)]
pub(crate) struct DayArgs {
    /// The city.
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// How long to run: seconds, or 90s, 15m, 1h, 24h.
    #[arg(long, default_value = "1h", value_parser = parse_span)]
    pub(crate) span: u32,
    /// Seed of the simulation; further seeds count up from it.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u32,
    /// How many seeds; from two on the scorecard has intervals.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) seeds: u32,
    /// How decisions become actions.
    #[arg(long, value_enum, default_value_t = ModeArg::Auto)]
    pub(crate) mode: ModeArg,
    /// Which model decides for the brain.
    #[arg(long, value_enum, default_value_t = ControllerArg::LocalTwin)]
    pub(crate) controller: ControllerArg,
    /// What the brain is compared with.
    #[arg(long, value_enum, default_value_t = BaselineArg::Fixed)]
    pub(crate) baseline: BaselineArg,
    /// Seconds between two decisions at a signal; a command holds for 45 s at most.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(6..=45))]
    pub(crate) interval: u32,
    /// Seconds between two detector reports.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) detector_period: u32,
    /// Simulated start, ISO 8601.
    #[arg(long, default_value = "2026-03-02T07:00:00+08:00")]
    pub(crate) start: String,
    /// In mode approve: the simulated operator answers after so many seconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub(crate) approve_after: u32,
    /// Folder for the results; what an earlier run left there is replaced.
    #[arg(long, value_name = "DIR", default_value = "out/day")]
    pub(crate) out: PathBuf,
    /// Print report.json to standard output instead of the scorecard.
    #[arg(long)]
    pub(crate) json: bool,
    /// Stream each decision to standard error as it is made.
    #[arg(long)]
    pub(crate) stream: bool,
    /// Say nothing while running.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How decisions become actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Shown; the signals keep their fixed plan.
    Advise,
    /// A (simulated) operator answers each one.
    Approve,
    /// Sent at once, inside their envelope.
    Auto,
}

/// Which model decides for the brain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ControllerArg {
    /// Each signal alone: every phase rolled out in the local twin, then the longest queue.
    LocalTwin,
    /// All signals together: look-ahead control on the state estimated from detectors (level LD).
    Lookahead,
}

/// What the brain is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BaselineArg {
    /// Every phase in turn, 25 s green, 5 s clearance (the literature's FixedTime).
    Fixed,
    /// The programme in the network file.
    File,
    /// Webster's cycle and splits from the demand.
    Webster,
}

/// `conurb up`.
#[derive(Debug, Args)]
#[command(
    after_help = "Configuration: defaults < file < CONURB__SECTION__KEY < flags; `conurb.example.toml` lists\n\
    every key. An unknown key is an error that names the line and the nearest known key."
)]
pub(crate) struct UpArgs {
    /// Configuration file.
    #[arg(long, short, value_name = "FILE", env = "CONURB_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for the node's data.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on, e.g. 127.0.0.1:8440; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Check the configuration and stop.
    #[arg(long)]
    pub(crate) check: bool,
}

/// `conurb gen`.
#[derive(Debug, Args)]
pub(crate) struct GenArgs {
    /// How many signals, 4 to 10,000.
    #[arg(long, default_value_t = 36)]
    pub(crate) signals: u32,
    /// Seed; the same options give the same bytes.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How long demand is generated for.
    #[arg(long, default_value = "1h", value_parser = parse_span)]
    pub(crate) span: u32,
    /// Time of day at which it starts, HH:MM; peaks are at 08:00 and 18:00.
    #[arg(long, default_value = "07:30")]
    pub(crate) from: String,
    /// Traffic relative to the standard load.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) load: f64,
    /// Folder for roadnet.json, flow.json and city.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// `conurb decide`.
#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// The node's data folder (or the --out folder of a day).
    #[arg(long, value_name = "DIR", global = true, default_value = "out/day")]
    pub(crate) data: PathBuf,
    /// JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: DecideCommand,
}

/// What can be done with decisions.
#[derive(Debug, Subcommand)]
pub(crate) enum DecideCommand {
    /// List decisions, newest last
    List {
        /// Only about this entity.
        #[arg(long)]
        subject: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Read one decision to a person
    Explain {
        /// Its id.
        id: String,
    },
    /// Run the kept inputs through the same model again; the choice must be the same
    Replay {
        /// Its id; without one, a random sample.
        id: Option<String>,
        /// How many to sample.
        #[arg(long, default_value_t = 100)]
        sample: usize,
        /// Seed of the sample.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Check the hash chain from the first line to the last
    Verify {
        /// The head hash as noted elsewhere, to find a cut at the tail too.
        #[arg(long)]
        head: Option<String>,
    },
    /// Take a decision back; says what must be undone
    Overturn {
        /// Its id.
        id: String,
        /// Who takes it back.
        #[arg(long)]
        by: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// `conurb doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// A data folder to check too.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A configuration file to check too.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Seconds from `3600`, `90s`, `15m`, `1h`.
pub(crate) fn parse_span(text: &str) -> Result<u32, String> {
    let (number, factor) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    let seconds = number
        .trim()
        .parse::<u32>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(|| format!("\"{text}\" is no span; write 3600, 90s, 15m or 1h"))?;
    if (1..=86_400 * 7).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("a span is 1 s to 7 days".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn spans_read_as_people_write_them() {
        assert_eq!(parse_span("1h"), Ok(3600));
        assert_eq!(parse_span("90s"), Ok(90));
        assert_eq!(parse_span("15m"), Ok(900));
        assert_eq!(parse_span("60"), Ok(60));
        for bad in ["", "h", "-1", "1d", "0", "99999999999h"] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }
}
