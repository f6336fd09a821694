//! Who else has a say in the signals: buses, emergency vehicles, pedestrians, cyclists, around any
//! controller.

use std::path::Path;

use clap::{Args, ValueEnum};
use conurb_traffic::TrafficError;
use conurb_traffic::control::priority::PriorityReport;
use conurb_traffic::control::{Priority, PriorityOptions, SecondPlan};
use conurb_traffic::crossings::{
    Crossing, CrossingOptions, Crossings, ServedReport, WalkDemand, crossings,
};
use conurb_traffic::metrics::ClassDelays;
use conurb_traffic::protocol::{self, ProtocolOptions};
use conurb_traffic::{Network, Sim};
use serde::Serialize;

use crate::city::City;
use crate::fail::{Failure, io};

/// On the command line.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AroundArgs {
    /// Who has priority at signals, whatever controls them: bus (longer and earlier green within
    /// limits), emergency (pre-emption). The run without priority is made too, and compared.
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    pub(crate) priority: Vec<Prior>,
    /// Pedestrians at every crossing at signals: their number an hour, or a table (CSV) with columns
    /// crossing,ped_h and perhaps bike_h. Phases last as long as they need, nobody waits for ever.
    #[arg(long, value_name = "PED_H|FILE")]
    pub(crate) pedestrians: Option<String>,
    /// Cyclists an hour at every crossing at signals.
    #[arg(long, value_name = "BIKE_H", default_value_t = 0.0)]
    pub(crate) bikes: f64,
}

/// A class with priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prior {
    /// Buses.
    Bus,
    /// Emergency vehicles.
    Emergency,
}

/// The same, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    priority: Option<PriorityOptions>,
    walkers: Option<Walkers>,
}

#[derive(Debug, Clone)]
struct Walkers {
    crossings: Vec<Crossing>,
    demand: WalkDemand,
    options: CrossingOptions,
}

/// What priority did against the same run without it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PriorityEffect {
    /// What became of the requests.
    pub(crate) requests: PriorityReport,
    /// Time lost by class with priority.
    pub(crate) with: ClassDelays,
    /// And without.
    pub(crate) without: ClassDelays,
}

/// What was noted besides the measures of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    pub(crate) priority: Option<PriorityReport>,
    pub(crate) crossings: Option<ServedReport>,
}

impl AroundArgs {
    /// Reads what is named.
    pub(crate) fn read(
        &self,
        network: &Network,
        options: &ProtocolOptions,
    ) -> Result<Around, Failure> {
        let has = |who| self.priority.contains(&who);
        let priority = (!self.priority.is_empty()).then(|| PriorityOptions {
            bus: has(Prior::Bus),
            emergency: has(Prior::Emergency),
            yellow_s: options.yellow_s,
            phases: options.phases.clone(),
            ..PriorityOptions::default()
        });
        Ok(Around {
            priority,
            walkers: self.walkers(network, options)?,
        })
    }

    fn walkers(
        &self,
        network: &Network,
        options: &ProtocolOptions,
    ) -> Result<Option<Walkers>, Failure> {
        let all = crossings(network, &options.phases);
        let demand = match &self.pedestrians {
            None => WalkDemand::uniform(all.len(), 0.0, self.bikes)?,
            Some(text) => match text.parse::<f64>() {
                Ok(ped_h) => WalkDemand::uniform(all.len(), ped_h, self.bikes)?,
                Err(_) if self.bikes != 0.0 => {
                    return Err(Failure::plain(
                        "--bikes and a table of pedestrians",
                        Some("give cyclists in the column bike_h of the table"),
                    ));
                }
                Err(_) => {
                    let path = Path::new(text);
                    let bytes = std::fs::read(path).map_err(|e| io(path, "cannot read", &e))?;
                    WalkDemand::from_csv(&bytes, text, &all)?
                }
            },
        };
        // Nobody: exactly the run there is without them.
        Ok((!demand.is_empty()).then(|| Walkers {
            crossings: all,
            demand,
            options: CrossingOptions {
                yellow_s: options.yellow_s,
                phases: options.phases.clone(),
                ..CrossingOptions::default()
            },
        }))
    }
}

impl Around {
    /// Nobody.
    pub(crate) const fn is_empty(&self) -> bool {
        self.priority.is_none() && self.walkers.is_none()
    }

    /// The same without priority, if there is any.
    pub(crate) fn without_priority(&self) -> Option<Self> {
        self.priority.is_some().then(|| Self {
            priority: None,
            walkers: self.walkers.clone(),
        })
    }

    /// Runs a control with everybody around it.
    pub(crate) fn run(
        &self,
        city: &City,
        control: &mut dyn SecondPlan,
        options: &ProtocolOptions,
        observe: &mut dyn FnMut(&Sim),
    ) -> Result<Noted, TrafficError> {
        let Some(limits) = &self.priority else {
            return self.walk(city, control, options, observe);
        };
        let mut priority = Priority::new(&city.network, control, limits.clone())?;
        let noted = self.walk(city, &mut priority, options, observe)?;
        Ok(Noted {
            priority: Some(priority.report()),
            ..noted
        })
    }

    fn walk(
        &self,
        city: &City,
        control: &mut dyn SecondPlan,
        options: &ProtocolOptions,
        observe: &mut dyn FnMut(&Sim),
    ) -> Result<Noted, TrafficError> {
        let (network, demand) = (&city.network, &city.demand);
        let Some(walkers) = &self.walkers else {
            protocol::run_plan(network, demand, control, options, observe)?;
            return Ok(Noted::default());
        };
        let times = CrossingOptions {
            seed: options.seed,
            ..walkers.options.clone()
        };
        let all = &walkers.crossings;
        let mut crossings = Crossings::new(network, control, all, &walkers.demand, times)?;
        protocol::run_plan(network, demand, &mut crossings, options, observe)?;
        Ok(Noted {
            priority: None,
            crossings: Some(crossings.report(f64::from(options.duration_s))),
        })
    }
}
