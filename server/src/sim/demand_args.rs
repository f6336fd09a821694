//! What `conurb sim assign` and `conurb sim calibrate` can be asked.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use conurb_traffic::assignment::{AssignMethod, DynamicOptions, FitMethod};

use crate::cli::NetworkArgs;

/// `conurb sim assign`.
#[derive(Debug, Args)]
#[command(
    after_help = "Tables (CSV, columns by name; seconds from the start of the run, ends not included):\n  \
    --od     from,to,start_s,end_s,vehicles       places are roads, or zones of --zones\n  \
    --zones  zone,road[,weight]\n  \
    --flows  road,start_s,end_s,vehicles          vehicles that enter there\n  \
    --turns  from,to,start_s,end_s,share          an empty `to` ends the trip\n\n\
    Writes into --out: flow.json (CityFlow), assign.json.\n\n\
    Examples:\n  \
    conurb sim assign --network roadnet.json --od od.csv --zones zones.csv --method equilibrium\n  \
    conurb sim assign --network roadnet.json --flows flows.csv --turns turns.csv"
)]
pub(crate) struct AssignArgs {
    /// The network.
    #[command(flatten)]
    pub(crate) roads: NetworkArgs,
    /// Trips between roads or zones.
    #[arg(long, value_name = "CSV", required_unless_present = "flows")]
    pub(crate) od: Option<PathBuf>,
    /// Roads of the zones.
    #[arg(long, value_name = "CSV", requires = "od")]
    pub(crate) zones: Option<PathBuf>,
    /// Vehicles that enter, instead of --od.
    #[arg(long, value_name = "CSV", requires = "turns", conflicts_with = "od")]
    pub(crate) flows: Option<PathBuf>,
    /// Turning shares for --flows.
    #[arg(long, value_name = "CSV", requires = "flows")]
    pub(crate) turns: Option<PathBuf>,
    /// How trips get their routes.
    #[command(flatten)]
    pub(crate) routing: RoutingArgs,
    /// Folder for the results.
    #[arg(long, value_name = "DIR", default_value = "out/assign")]
    pub(crate) out: PathBuf,
    /// Print assign.json to standard output instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing while running.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How trips get their routes.
#[derive(Debug, Clone, Args)]
pub(crate) struct RoutingArgs {
    /// How trips get their routes.
    #[arg(long, value_enum, default_value_t = MethodArg::Incremental)]
    pub(crate) method: MethodArg,
    /// Slices of the incremental assignment.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) slices: u32,
    /// Most runs of the twin on the way to equilibrium.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Relative gap at which equilibrium is good enough.
    #[arg(long, default_value_t = 0.02)]
    pub(crate) gap: f64,
    /// Seed of departures, route choice and simulation.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u32,
}

impl RoutingArgs {
    /// For the model.
    pub(crate) const fn method(&self) -> AssignMethod {
        match self.method {
            MethodArg::Free => AssignMethod::Free,
            MethodArg::Incremental => AssignMethod::Incremental(self.slices),
            MethodArg::Equilibrium => AssignMethod::Dynamic(DynamicOptions {
                rounds: self.rounds,
                gap: self.gap,
            }),
        }
    }

    /// Runs of the twin at most.
    pub(crate) const fn runs(&self) -> u32 {
        match self.method {
            MethodArg::Equilibrium => self.rounds,
            MethodArg::Free | MethodArg::Incremental => 1,
        }
    }
}

/// How trips get their routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// The quickest way over the empty network.
    Free,
    /// Static assignment in slices, with queues at signals.
    Incremental,
    /// Dynamic user equilibrium by repeated runs of the twin.
    Equilibrium,
}

/// `conurb sim calibrate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Tables (CSV, columns by name; seconds from the start of the run, ends not included):\n  \
    --od      from,to,start_s,end_s,vehicles      the prior; places are roads, or zones of --zones\n  \
    --zones   zone,road[,weight]\n  \
    --counts  road,start_s,end_s,vehicles[,lane]  vehicles that enter the road; lane 0 is the innermost\n\n\
    Writes into --out: od.csv (the matrix found), flow.json, calibrate.json, calibrate.svg.\n\n\
    Example:\n  \
    conurb sim calibrate --network roadnet.json --od prior.csv --zones zones.csv --counts counts.csv"
)]
pub(crate) struct CalibrateArgs {
    /// The network.
    #[command(flatten)]
    pub(crate) roads: NetworkArgs,
    /// The prior matrix.
    #[arg(long, value_name = "CSV")]
    pub(crate) od: PathBuf,
    /// Roads of the zones.
    #[arg(long, value_name = "CSV")]
    pub(crate) zones: Option<PathBuf>,
    /// The counts.
    #[arg(long, value_name = "CSV")]
    pub(crate) counts: PathBuf,
    /// The estimate.
    #[arg(long, value_enum, default_value_t = FitArg::Gls)]
    pub(crate) fit: FitArg,
    /// Standard deviation of a cell of the prior over its value (gls).
    #[arg(long, default_value_t = 0.3)]
    pub(crate) prior_cv: f64,
    /// Fits, each with the routes and times of the run before.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) fits: u32,
    /// How trips get their routes.
    #[command(flatten)]
    pub(crate) routing: RoutingArgs,
    /// Folder for the results.
    #[arg(long, value_name = "DIR", default_value = "out/calibrate")]
    pub(crate) out: PathBuf,
    /// Print calibrate.json to standard output instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing while running.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl CalibrateArgs {
    /// For the model.
    pub(crate) const fn method(&self) -> FitMethod {
        match self.fit {
            FitArg::Gls => FitMethod::LeastSquares {
                prior_cv: self.prior_cv,
            },
            FitArg::Entropy => FitMethod::Entropy,
        }
    }
}

/// The estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FitArg {
    /// Generalised least squares, cells not below 0.
    Gls,
    /// Maximum entropy.
    Entropy,
}
