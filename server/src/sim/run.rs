//! `conurb sim run`: one controller on one seed.

use super::args::RunArgs;
use super::bar;
use super::compare::{Controlled, Document};
use super::replay;
use super::table;
use crate::city;
use crate::control_run::ControlRun;
use crate::fail::Failure;
use crate::out::{Lang, say, tell};
use conurb_traffic::Sim;

/// Runs the command.
pub(crate) fn run(args: &RunArgs, lang: Lang) -> Result<(), Failure> {
    let mut city = city::load(&args.city, args.protocol.span)?;
    let options = args.protocol.options(&mut city)?;
    let around = args.around.read(&city.network, &options)?;
    let controller = ControlRun::new(args.controller, &city, &options)?.among(&around);
    let bar = bar(u64::from(options.duration_s), args.quiet);
    bar.set_message(args.controller.word());
    let mut log = match &args.replay {
        Some(path) => Some(replay::Log::create(path, &city.network)?),
        None => None,
    };
    let mut each_second = |sim: &Sim| {
        if let Some(log) = &mut log {
            log.observe(sim);
        }
        bar.inc(1);
    };
    let played = controller.run_watched(&city, options.seed, &mut each_second)?;
    bar.finish_and_clear();
    log.map_or(Ok(()), replay::Log::finish)?;
    let controlled = Controlled::new(&controller, &[played], None);
    let document = Document::new(&city, &options, vec![options.seed], vec![controlled]);
    if args.json {
        say(&document.to_json());
        return Ok(());
    }
    for note in city.inputs.iter().flat_map(|i| &i.notes) {
        tell(&format!("note: {note}"));
    }
    say(&table::render(&document, lang));
    Ok(())
}
