//! `plan.toml`: the one file a planner keeps.

use std::path::{Path, PathBuf};

use conurb_base::{ConfigError, from_toml};
use conurb_transit::Date;
use conurb_transit::scenario::Service;
use serde::{Deserialize, Serialize};

use super::args::InitArgs;
use super::choices::Choose;
use crate::fail::{Failure, io};
use crate::out::say;

/// Longest time a project may speak of, min: a day.
const MINUTES_MAX: f64 = 1_440.0;

/// A project.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// Name for people.
    pub(crate) name: String,
    /// The year the plan is for.
    pub(crate) horizon_year: u16,
    /// Which cities.
    pub(crate) define: Define,
    /// On what they are measured.
    pub(crate) analyse: Analyse,
    /// What is tried.
    pub(crate) optimise: Optimise,
    /// What else is to be decided; nothing by default.
    #[serde(default)]
    pub(crate) choose: Choose,
    #[serde(skip)]
    folder: PathBuf,
}

/// Which cities form the region.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Define {
    /// The official list.
    pub(crate) cluster: String,
    /// Census by prefecture with boundaries.
    pub(crate) census: PathBuf,
    /// Year of the population used as mass: 2010 or 2020.
    pub(crate) population_year: u16,
    /// Who counted, for every figure made from it.
    pub(crate) census_source: String,
    /// Resolution of the communities of ties.
    #[serde(default = "one")]
    pub(crate) resolution: f64,
    /// Seed of the search for communities.
    #[serde(default)]
    pub(crate) seed: u64,
}

/// On what reach is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Analyse {
    /// Timetable.
    pub(crate) feed: PathBuf,
    /// What maps say of it, e.g. `2016 timetable`.
    pub(crate) feed_label: String,
    /// Day, YYYY-MM-DD.
    pub(crate) day: String,
    /// Time to change and to board, s.
    pub(crate) change_s: u32,
    /// `none`: stations count as their city; `rule`: minutes by distance from the centre; or an
    /// access.csv.
    pub(crate) access: String,
    /// Limits of the contour measures, min.
    pub(crate) contours_min: Vec<f64>,
}

/// What is tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Optimise {
    /// Corridors by id, or `all`.
    pub(crate) corridors: Vec<String>,
    /// Which model gives the run minutes of new legs.
    pub(crate) run_model: String,
    /// How a new leg is served.
    pub(crate) service: Service,
    /// Minutes between city and a station that is made.
    pub(crate) access_min: f64,
}

const fn one() -> f64 {
    1.0
}

impl Project {
    /// Reads a project file; paths in it are relative to its folder.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| io(path, "cannot read", &e))?;
        let mut project = Self::parse(&text, &path.display().to_string())?;
        project.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(project)
    }

    /// Reads the text of a project file.
    fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let project: Self = from_toml(text, file)?;
        let wrong = |key: &str, message: String, remedy: &str| {
            let at_start = text.find(&format!("\n{key}")).map(|at| at + 1);
            let offset = at_start.or_else(|| text.find(key)).unwrap_or(0);
            let mut error = ConfigError::at_offset(text, file, offset, message);
            error.remedy = Some(remedy.to_owned());
            Err(error)
        };
        let year = project.define.population_year;
        if !matches!(year, 2010 | 2020) {
            return wrong(
                "population_year",
                format!("define.population_year {year} is not in the census"),
                "write 2010 or 2020",
            );
        }
        if project.define.census_source.trim().is_empty() {
            return wrong(
                "census_source",
                "define.census_source is empty".to_owned(),
                "a figure is printed with its source: name who counted",
            );
        }
        let day = &project.analyse.day;
        if day.parse::<Date>().is_err() {
            return wrong(
                "day",
                format!("analyse.day \"{day}\" is no day"),
                "write it like 2016-03-15",
            );
        }
        let minutes = |m: &f64| *m > 0.0 && *m <= MINUTES_MAX;
        if !project.analyse.contours_min.iter().all(minutes) {
            return wrong(
                "contours_min",
                format!(
                    "analyse.contours_min holds a limit that is not above 0 and at most {MINUTES_MAX}"
                ),
                "write minutes, like [60, 120, 180]",
            );
        }
        let access_min = project.optimise.access_min;
        if !(0.0..=MINUTES_MAX).contains(&access_min) {
            return wrong(
                "access_min",
                format!("optimise.access_min {access_min} is not 0 to {MINUTES_MAX}"),
                "write the minutes between a city and its station",
            );
        }
        let resolution = project.define.resolution;
        if !(resolution > 0.0 && resolution.is_finite()) {
            return wrong(
                "resolution",
                format!("define.resolution {resolution} is not above 0"),
                "write 1.0, or more for smaller communities",
            );
        }
        Ok(project)
    }

    /// The day of the timetable.
    pub(crate) fn date(&self) -> Result<Date, Failure> {
        self.analyse.day.parse().map_err(|_| {
            Failure::plain(
                format!("analyse.day \"{}\" is no day", self.analyse.day),
                Some("write it like 2016-03-15"),
            )
        })
    }

    /// A path of the file, from where the file is.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The folder results go to.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.join("out")
    }
}

/// Writes a new project.
pub(crate) fn init(args: &InitArgs) -> Result<(), Failure> {
    let file = args.folder.join("plan.toml");
    if file.exists() {
        return Err(Failure::plain(
            format!("{} is there already", file.display()),
            Some("choose another folder, or edit that file"),
        ));
    }
    std::fs::create_dir_all(&args.folder).map_err(|e| io(&args.folder, "cannot make", &e))?;
    let text = include_str!("plan.example.toml")
        .replace("@feed@", &from_folder(&args.folder, &args.feed))
        .replace("@census@", &from_folder(&args.folder, &args.census))
        .replace("@day@", &args.day)
        .replace("@cluster@", &args.cluster);
    std::fs::write(&file, text).map_err(|e| io(&file, "cannot write", &e))?;
    Project::load(&file)?;
    say(&format!("written: {}", file.display()));
    Ok(())
}

/// A path given from here, as the project file needs it.
fn from_folder(folder: &Path, path: &Path) -> String {
    let path = if path.is_absolute() || !path.exists() {
        path.to_owned()
    } else {
        std::path::absolute(path).unwrap_or_else(|_| folder.join(path))
    };
    // TOML basic strings take the backslash as an escape.
    path.display().to_string().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> String {
        include_str!("plan.example.toml").replace("@day@", "2016-03-15")
    }

    #[test]
    fn values_that_cannot_be_are_refused_at_their_line() {
        assert!(Project::parse(&example(), "p.toml").is_ok());
        for (from, to, line) in [
            ("population_year = 2010", "population_year = 2011", 8),
            ("\"census by prefecture, leiii/census (MIT)\"", "\" \"", 9),
            ("resolution = 1.0", "resolution = nan", 10),
            ("day = \"2016-03-15\"", "day = \"2016-02-30\"", 16),
            ("[60, 120, 180]", "[60, inf]", 19),
            ("access_min = 20", "access_min = -1", 25),
        ] {
            let text = example();
            assert!(text.contains(from), "{from}");
            let error = Project::parse(&text.replace(from, to), "p.toml").unwrap_err();
            assert_eq!(error.at.line, Some(line), "{error}");
            assert!(error.remedy.is_some(), "{error}");
        }
    }

    /// The fuzz target of this parser: it stands here because only the program knows its types.
    #[test]
    fn mutated_files_are_read_or_refused_with_their_line() {
        let seeds = [example().into_bytes()];
        let mut mutator = conurb_testkit::Mutator::new(20_261_128);
        for round in 0..1_500 {
            let bytes = mutator.next(&seeds);
            if let Err(error) = Project::parse(&String::from_utf8_lossy(&bytes), "p.toml") {
                assert!(error.at.line.is_some(), "round {round}: {error}");
            }
        }
    }
}
