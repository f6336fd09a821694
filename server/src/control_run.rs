//! A run of a city under one controller: the baseline of a day, the strongest fixed plan that can
//! be computed, and everything `conurb sim compare` puts side by side.

use conurb_base::{Clock, SystemClock};
use conurb_traffic::control::{
    Actuated, ActuatedOptions, Controller, FixedTime, Level, LookAhead, LookAheadOptions, Pressure,
    PressureRule, ProgrammePlan, SecondPlan,
};
use conurb_traffic::crossings::ServedReport;
use conurb_traffic::metrics::{ClassDelays, ClassMeter};
use conurb_traffic::protocol::{self, Paced, ProtocolOptions};
use conurb_traffic::webster::{
    Offsets, PlanPlayer, SignalPlan, Wave, WebsterOptions, greenwave_searched, webster,
    webster_searched, with_waves,
};
use conurb_traffic::{JunctionIx, Sim, TrafficError};

use crate::city::City;
use crate::control_around::{Around, Noted, PriorityEffect};
use crate::fail::Failure;
use crate::figures::{Figures, Meters};
use crate::out::Text;

/// Up to how many signal-seconds Webster's cycle is searched in the simulator (18 runs) instead of
/// taken from the formula alone.
const SEARCH_SIGNAL_S_MAX: u64 = 200 * 3600;

/// Who sets the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// Every phase in turn.
    Fixed,
    /// The programme in the network file.
    File,
    /// Webster's.
    Webster,
    /// Webster's splits, offsets of largest bandwidth.
    GreenWave,
    /// By calls, gaps and maximum greens, from detectors.
    Actuated,
    /// A pressure rule, with perfect information about queues.
    Pressure(PressureRule),
    /// Options tried in the twin, at a level of information.
    LookAhead(Level),
}

impl Control {
    /// All that can be named, in the order of a comparison.
    pub(crate) const ALL: [(&'static str, Self); 12] = [
        ("fixed", Self::Fixed),
        ("file", Self::File),
        ("webster", Self::Webster),
        ("greenwave", Self::GreenWave),
        ("actuated", Self::Actuated),
        ("maxpressure", Self::Pressure(PressureRule::MaxPressure)),
        ("efficient-mp", Self::Pressure(PressureRule::Efficient)),
        ("advanced-mp", Self::Pressure(PressureRule::Advanced)),
        ("maxqueue", Self::Pressure(PressureRule::MaxQueue)),
        ("lookahead", Self::LookAhead(Level::LaneView)),
        ("lookahead-l1", Self::LookAhead(Level::Routes)),
        ("lookahead-ld", Self::LookAhead(Level::Detectors)),
    ];

    /// The word of the command line.
    pub(crate) fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, c)| *c == self);
        found.map_or("control", |(word, _)| word)
    }

    /// What it knows of the traffic: the codes of `docs/traffic/model.md`, `-` for none.
    pub(crate) const fn level(self) -> &'static str {
        match self {
            Self::Fixed | Self::File => "-",
            Self::Webster | Self::GreenWave => "demand",
            Self::Actuated => Level::Detectors.name(),
            Self::Pressure(_) => "L0",
            Self::LookAhead(level) => level.name(),
        }
    }
}

/// A controller ready to run.
pub(crate) struct ControlRun {
    /// Which.
    pub(crate) kind: Control,
    /// In words.
    pub(crate) says: Text,
    /// Its green waves, the busiest first.
    pub(crate) waves: Vec<Wave>,
    plans: Vec<SignalPlan>,
    options: ProtocolOptions,
    around: Around,
}

/// What a run came to.
pub(crate) struct Played {
    /// Its measures.
    pub(crate) figures: Figures,
    /// The time each joint decision took, ns.
    pub(crate) decisions_ns: Vec<u64>,
    /// What priority did, where somebody has it.
    pub(crate) priority: Option<PriorityEffect>,
    /// Who crossed, where somebody wants to.
    pub(crate) crossings: Option<ServedReport>,
}

impl ControlRun {
    /// Prepares a controller for a city; Webster's plan is computed from the very demand.
    pub(crate) fn new(
        kind: Control,
        city: &City,
        options: &ProtocolOptions,
    ) -> Result<Self, Failure> {
        let mut waves = Vec::new();
        let (plans, says) = match kind {
            Control::Fixed => (Vec::new(), says_fixed(options)),
            Control::File => (
                Vec::new(),
                Text::new("路网文件中的配时方案", "the programme in the network file"),
            ),
            Control::Webster => plan_webster(city, options)?,
            Control::GreenWave => {
                let plans;
                (plans, waves) = plan_green_wave(city, options)?;
                let says = says_green_wave(&plans, waves.len());
                (plans, says)
            }
            Control::Actuated => (Vec::new(), says_actuated()),
            Control::Pressure(rule) => (Vec::new(), says_pressure(rule)),
            Control::LookAhead(level) => (Vec::new(), says_look_ahead(level)),
        };
        Ok(Self {
            kind,
            says,
            waves,
            plans,
            options: options.clone(),
            around: Around::default(),
        })
    }

    /// The same with others who have a say.
    pub(crate) fn among(self, around: &Around) -> Self {
        Self {
            around: around.clone(),
            ..self
        }
    }

    /// Runs it under one seed; `each_second` is called after every step.
    #[cfg(feature = "signals")]
    pub(crate) fn run(
        &self,
        city: &City,
        seed: u32,
        each_second: &mut dyn FnMut(),
    ) -> Result<Figures, Failure> {
        Ok(self
            .run_watched(city, seed, &mut |_| each_second())?
            .figures)
    }

    /// Like [`ControlRun::run`], showing every state, with all that a run comes to.
    pub(crate) fn run_watched(
        &self,
        city: &City,
        seed: u32,
        each_second: &mut dyn FnMut(&Sim),
    ) -> Result<Played, Failure> {
        let options = ProtocolOptions {
            seed,
            ..self.options.clone()
        };
        let without = match self.around.without_priority() {
            Some(around) => Some(self.delays(city, &options, &around, &mut |_| ())?.0),
            None => None,
        };
        let mut meters = Meters::new(&city.network);
        let mut figures = None;
        let mut left = options.duration_s;
        let mut observe = |sim: &Sim| {
            meters.observe(sim);
            each_second(sim);
            left -= 1;
            if left == 0 {
                figures = Some(meters.finish(sim));
            }
        };
        let (priority, decisions_ns, noted) = if let Some(without) = without {
            let (with, decisions_ns, noted) =
                self.delays(city, &options, &self.around, &mut observe)?;
            let effect = PriorityEffect {
                requests: noted.priority.unwrap_or_default(),
                with,
                without,
            };
            (Some(effect), decisions_ns, noted)
        } else {
            let (decisions_ns, noted) = self.play(city, &options, &self.around, &mut observe)?;
            (None, decisions_ns, noted)
        };
        Ok(Played {
            figures: figures
                .ok_or_else(|| Failure::plain("the run ended before its span", None))?,
            decisions_ns,
            priority,
            crossings: noted.crossings,
        })
    }

    /// [`ControlRun::play`] with the time lost by class.
    fn delays(
        &self,
        city: &City,
        options: &ProtocolOptions,
        around: &Around,
        observe: &mut dyn FnMut(&Sim),
    ) -> Result<(ClassDelays, Vec<u64>, Noted), TrafficError> {
        let mut meter = ClassMeter::default();
        let mut delays = ClassDelays::default();
        let (decisions_ns, noted) = self.play(city, options, around, &mut |sim| {
            meter.observe(sim);
            observe(sim);
            if sim.step_count() == options.duration_s {
                delays = meter.delays(sim);
            }
        })?;
        Ok((delays, decisions_ns, noted))
    }

    fn play(
        &self,
        city: &City,
        options: &ProtocolOptions,
        around: &Around,
        observe: &mut dyn FnMut(&Sim),
    ) -> Result<(Vec<u64>, Noted), TrafficError> {
        let (network, demand) = (&city.network, &city.demand);
        let mut plan: Box<dyn SecondPlan> = match self.kind {
            Control::File if around.is_empty() => {
                protocol::run_programme(network, demand, options, observe)?;
                return Ok((Vec::new(), Noted::default()));
            }
            Control::File => Box::new(ProgrammePlan::new(network)),
            Control::Webster | Control::GreenWave => {
                Box::new(PlanPlayer::new(network, &self.plans))
            }
            Control::Actuated => Box::new(Actuated::new(network, actuated_options(options))?),
            Control::Fixed | Control::Pressure(_) | Control::LookAhead(_) => {
                let mut controller = self.controller(city, options)?;
                let mut timed = Timed::new(controller.as_mut());
                let mut paced = Paced::new(network, &mut timed, options);
                let noted = around.run(city, &mut paced, options, observe)?;
                return Ok((timed.joint_ns, noted));
            }
        };
        let noted = around.run(city, plan.as_mut(), options, observe)?;
        Ok((Vec::new(), noted))
    }

    /// Who is asked every interval; the other kinds say every second's phase.
    fn controller(
        &self,
        city: &City,
        options: &ProtocolOptions,
    ) -> Result<Box<dyn Controller>, TrafficError> {
        let network = &city.network;
        let (first, last) = (*options.phases.start(), *options.phases.end());
        Ok(match self.kind {
            Control::Pressure(rule) => Box::new(Pressure::new(network, rule, first, last)),
            Control::LookAhead(level) => Box::new(LookAhead::new(
                network,
                city.demand.templates(),
                LookAheadOptions {
                    level,
                    interval_s: options.interval_s,
                    yellow_s: options.yellow_s,
                    phases: options.phases.clone(),
                    seed: u64::from(options.seed),
                    threads: rayon::current_num_threads(),
                    ..LookAheadOptions::default()
                },
            )?),
            _ => Box::new(FixedTime::new(
                network.junctions().len(),
                f64::from(options.interval_s),
                f64::from(options.yellow_s),
                first,
                last,
            )),
        })
    }
}

fn actuated_options(options: &ProtocolOptions) -> ActuatedOptions {
    ActuatedOptions {
        yellow_s: options.yellow_s,
        phases: options.phases.clone(),
        ..ActuatedOptions::default()
    }
}

/// Adds up what the choices of one moment took.
struct Timed<'a> {
    inner: &'a mut dyn Controller,
    clock: SystemClock,
    joint_ns: Vec<u64>,
    at_s: f64,
}

impl<'a> Timed<'a> {
    fn new(inner: &'a mut dyn Controller) -> Self {
        Self {
            inner,
            clock: SystemClock::new(),
            joint_ns: Vec::new(),
            at_s: f64::NEG_INFINITY,
        }
    }
}

impl Controller for Timed<'_> {
    fn observe(&mut self, sim: &Sim) {
        self.inner.observe(sim);
    }

    fn decide(&mut self, sim: &Sim, time_s: f64) {
        let from = self.clock.monotonic_ns();
        self.inner.decide(sim, time_s);
        self.at_s = time_s;
        self.joint_ns
            .push(self.clock.monotonic_ns().saturating_sub(from));
    }

    fn choose(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        let from = self.clock.monotonic_ns();
        let phase = self.inner.choose(sim, junction, time_s);
        let took = self.clock.monotonic_ns().saturating_sub(from);
        let joint = &mut self.joint_ns;
        if time_s > self.at_s {
            self.at_s = time_s;
            joint.push(0);
        }
        if let Some(sum) = joint.last_mut() {
            *sum += took;
        }
        phase
    }
}

fn says_pressure(rule: PressureRule) -> Text {
    match rule {
        PressureRule::MaxPressure => Text::new(
            "最大压力（Varaiya 2013），排队真值已知",
            "max pressure (Varaiya 2013), queues known exactly",
        ),
        PressureRule::Efficient => Text::new(
            "高效最大压力（Wu 等 2021），排队真值已知",
            "efficient max pressure (Wu et al. 2021), queues known exactly",
        ),
        PressureRule::Advanced => Text::new(
            "进阶最大压力（Zhang 等 2022），车辆真值已知",
            "advanced max pressure (Zhang et al. 2022), vehicles known exactly",
        ),
        PressureRule::MaxQueue => Text::new(
            "最长排队优先，排队真值已知",
            "longest queue first, queues known exactly",
        ),
    }
}

fn says_actuated() -> Text {
    let o = ActuatedOptions::default();
    let (min, max, gap) = (o.min_green_s, o.max_green_s, o.passage_s);
    let back_m = o.placement.setback_m;
    Text::new(
        format!(
            "感应控制：绿灯 {min} 至 {max} s，单位延长 {gap} s，检测器位于停车线及其前 {back_m} m，无请求相位跳过"
        ),
        format!(
            "actuated: green {min} to {max} s, passage time {gap} s, detectors at the stop line and {back_m} m before it, phases without a call skipped"
        ),
    )
}

fn says_look_ahead(level: Level) -> Text {
    let code = level.name();
    Text::new(
        format!("前瞻控制：在孪生中逐一试算各相位（信息级别 {code}，docs/traffic/control.md）"),
        format!(
            "look-ahead: options tried in the twin (information level {code}, docs/traffic/control.md)"
        ),
    )
}

fn says_fixed(options: &ProtocolOptions) -> Text {
    let t = options.interval_s;
    // Asked every t seconds, the count starts after yellow: a phase that has not reached t waits
    // for the next question (docs/traffic/model.md).
    let green = 2 * t - options.yellow_s;
    Text::new(
        format!(
            "固定配时（文献 FixedTime，t = {t} s）：相位 1 至 4 依次放行，绿灯 {green} s，黄灯 {} s",
            options.yellow_s
        ),
        format!(
            "the literature's FixedTime, t = {t} s: phases 1 to 4 in turn, green {green} s, clearance {} s",
            options.yellow_s
        ),
    )
}

fn webster_options(protocol: &ProtocolOptions) -> WebsterOptions {
    WebsterOptions {
        yellow_s: protocol.yellow_s,
        phases: protocol.phases.clone(),
        window_s: (0.0, f64::from(protocol.duration_s)),
        ..WebsterOptions::default()
    }
}

fn plan_green_wave(
    city: &City,
    protocol: &ProtocolOptions,
) -> Result<(Vec<SignalPlan>, Vec<Wave>), TrafficError> {
    let options = webster_options(protocol);
    let (network, demand) = (&city.network, &city.demand);
    if signal_s(city, protocol) <= SEARCH_SIGNAL_S_MAX {
        let found = greenwave_searched(network, demand, &options, protocol)?;
        return Ok((found.plans, found.waves));
    }
    // Too large to be searched: the cycle that the busiest junction needs.
    let own = webster(network, demand, &options);
    let cycle_s = own.iter().map(|p| p.cycle_s).max();
    let options = WebsterOptions {
        common_cycle_s: Some(cycle_s.unwrap_or(*options.cycle_s.end())),
        offsets: Offsets::Bands,
        ..options
    };
    Ok(with_waves(network, demand, &options))
}

fn says_green_wave(plans: &[SignalPlan], sections: usize) -> Text {
    let cycle_s = plans.first().map_or(0, |p| p.cycle_s);
    Text::new(
        format!(
            "绿波：Webster 绿信比，公共周期 {cycle_s} s（由同一需求得出），{sections} 段干线双向带宽最大"
        ),
        format!(
            "green waves: Webster's splits at a common cycle of {cycle_s} s (found on the same demand), two-way bandwidth maximised on {sections} sections of arterials"
        ),
    )
}

/// How much there would be to simulate.
fn signal_s(city: &City, protocol: &ProtocolOptions) -> u64 {
    city.network.signalised().len() as u64 * u64::from(protocol.duration_s)
}

fn plan_webster(
    city: &City,
    protocol: &ProtocolOptions,
) -> Result<(Vec<SignalPlan>, Text), Failure> {
    let options = webster_options(protocol);
    if signal_s(city, protocol) > SEARCH_SIGNAL_S_MAX {
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
                if found.options.offsets == Offsets::Tree {
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
