//! Runs without the brain: the baseline, and the strongest fixed plan that can be computed.

use conurb_signals::Settings;
use conurb_traffic::control::FixedTime;
use conurb_traffic::protocol::{self, ProtocolOptions};
use conurb_traffic::webster::{PlanPlayer, SignalPlan, WebsterOptions, webster, webster_searched};
use conurb_traffic::{Sim, TrafficError};

use super::figures::{Figures, Meters};
use super::inputs::CityInput;
use crate::fail::Failure;
use crate::report::model::Text;

/// Up to how many signal-seconds Webster's cycle is searched in the simulator (18 runs) instead of
/// taken from the formula alone.
const SEARCH_SIGNAL_S_MAX: u64 = 200 * 3600;

/// Which plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixed {
    /// Every phase in turn.
    Rotation,
    /// The programme in the network file.
    File,
    /// Webster's.
    Webster,
}

impl Fixed {
    /// The word of the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Rotation => "fixed",
            Self::File => "file",
            Self::Webster => "webster",
        }
    }
}

/// A plan ready to run.
pub(crate) struct FixedRun {
    /// Which.
    pub(crate) kind: Fixed,
    /// In words.
    pub(crate) says: Text,
    plans: Vec<SignalPlan>,
    options: ProtocolOptions,
}

impl FixedRun {
    /// Prepares a plan for a city and a span; Webster's is computed from the very demand.
    pub(crate) fn new(
        kind: Fixed,
        city: &CityInput,
        settings: &Settings,
        span_s: u32,
        seed: u32,
    ) -> Result<Self, Failure> {
        let options = ProtocolOptions {
            interval_s: settings.decision_interval_s,
            duration_s: span_s,
            yellow_s: settings.yellow_s,
            seed,
            ..ProtocolOptions::default()
        };
        let (plans, says) = match kind {
            Fixed::Rotation => (Vec::new(), says_fixed(settings)),
            Fixed::File => (
                Vec::new(),
                Text::new("路网文件中的配时方案", "the programme in the network file"),
            ),
            Fixed::Webster => plan_webster(city, settings, &options)?,
        };
        Ok(Self {
            kind,
            says,
            plans,
            options,
        })
    }

    /// Runs it under one seed; `each_second` is called after every step.
    pub(crate) fn run(
        &self,
        city: &CityInput,
        seed: u32,
        each_second: &mut dyn FnMut(),
    ) -> Result<Figures, Failure> {
        let options = ProtocolOptions {
            seed,
            ..self.options.clone()
        };
        let mut meters = Meters::new(&city.network);
        let mut figures = None;
        let mut left = options.duration_s;
        let mut observe = |sim: &Sim| {
            meters.observe(sim);
            each_second();
            left -= 1;
            if left == 0 {
                figures = Some(meters.finish(sim));
            }
        };
        self.play(city, &options, &mut observe)?;
        figures.ok_or_else(|| Failure::plain("the run ended before its span", None))
    }

    fn play(
        &self,
        city: &CityInput,
        options: &ProtocolOptions,
        observe: &mut dyn FnMut(&Sim),
    ) -> Result<(), TrafficError> {
        let (network, demand) = (&city.network, &city.demand);
        match self.kind {
            Fixed::Rotation => {
                let (first, last) = (*options.phases.start(), *options.phases.end());
                let mut controller = FixedTime::new(
                    network.junctions().len(),
                    f64::from(options.interval_s),
                    f64::from(options.yellow_s),
                    first,
                    last,
                );
                protocol::run_observed(network, demand, &mut controller, options, observe)?;
            }
            Fixed::File => {
                protocol::run_programme(network, demand, options, observe)?;
            }
            Fixed::Webster => {
                let mut player = PlanPlayer::new(network, &self.plans);
                protocol::run_plan(network, demand, &mut player, options, observe)?;
            }
        }
        Ok(())
    }
}

fn says_fixed(settings: &Settings) -> Text {
    let t = settings.decision_interval_s;
    // Asked every t seconds, the count starts after yellow: a phase that has not reached t waits
    // for the next question (docs/traffic/model.md).
    let green = 2 * t - settings.yellow_s;
    Text::new(
        format!(
            "固定配时（文献 FixedTime，t = {t} s）：相位 1 至 4 依次放行，绿灯 {green} s，黄灯 {} s",
            settings.yellow_s
        ),
        format!(
            "the literature's FixedTime, t = {t} s: phases 1 to 4 in turn, green {green} s, clearance {} s",
            settings.yellow_s
        ),
    )
}

fn plan_webster(
    city: &CityInput,
    settings: &Settings,
    protocol: &ProtocolOptions,
) -> Result<(Vec<SignalPlan>, Text), Failure> {
    let options = WebsterOptions {
        yellow_s: settings.yellow_s,
        phases: protocol.phases.clone(),
        window_s: (0.0, f64::from(protocol.duration_s)),
        ..WebsterOptions::default()
    };
    let size = city.network.signalised().len() as u64 * u64::from(protocol.duration_s);
    if size > SEARCH_SIGNAL_S_MAX {
        let says = Text::new(
            "Webster 周期与绿信比，由同一需求计算",
            "Webster's cycle and splits, computed from the same demand",
        );
        return Ok((webster(&city.network, &city.demand, &options), says));
    }
    let found = webster_searched(&city.network, &city.demand, &options, protocol)?;
    let cycle = found.options.common_cycle_s.map_or_else(
        || format!("own cycles x {}", found.options.cycle_factor),
        |c| {
            format!(
                "common cycle {c} s{}",
                if found.options.progression {
                    ", green wave"
                } else {
                    ""
                }
            )
        },
    );
    let n = found.tried.len();
    let says = Text::new(
        format!(
            "Webster 绿信比，周期在仿真中用同一需求从 {n} 个方案中选出（{cycle}）：固定方案的上限"
        ),
        format!(
            "Webster's splits, the cycle searched in the simulator over {n} plans on the same demand ({cycle}): an upper bound for fixed plans"
        ),
    );
    Ok((found.plans, says))
}
