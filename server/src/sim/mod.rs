//! `conurb sim`: the traffic twin alone, for people who study signals: run one controller, compare
//! many, plan an emergency corridor, make and fit demand, time the engine.

mod args;
mod around;
mod assign;
mod bench;
mod calibrate;
mod compare;
mod convert;
#[cfg(feature = "corridor")]
mod corridor;
#[cfg(feature = "corridor")]
mod corridor_report;
mod demand_args;
mod figure;
mod replay;
mod run;
mod scatter;
mod table;

pub(crate) use args::SimArgs;

use indicatif::{ProgressBar, ProgressStyle};

use crate::fail::Failure;
use crate::out::{Lang, watched};
use args::SimCommand;

/// Runs the command.
pub(crate) fn run(args: &SimArgs, lang: Lang) -> Result<(), Failure> {
    match &args.what {
        SimCommand::Run(run) => run::run(run, lang),
        SimCommand::Compare(compare) => compare::run(compare, lang),
        SimCommand::Convert(convert) => convert::run(convert, lang),
        SimCommand::Replay(args) => replay::run(args),
        #[cfg(feature = "corridor")]
        SimCommand::Corridor(corridor) => corridor::run(corridor, lang),
        SimCommand::Assign(assign) => assign::run(assign, lang),
        SimCommand::Calibrate(calibrate) => calibrate::run(calibrate, lang),
        SimCommand::Bench(bench) => bench::run(bench),
    }
}

/// A bar over simulated seconds; hidden when nobody watches.
fn bar(seconds: u64, quiet: bool) -> ProgressBar {
    if quiet || !watched() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}  {elapsed} + {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(seconds).with_style(style)
}
