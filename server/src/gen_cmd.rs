//! `conurb gen`: a synthetic city, in the same files as a real one.

use std::path::Path;

use conurb_traffic::citygen::{City, CityOptions};

use crate::cli::GenArgs;
use crate::fail::{Failure, io};
use crate::out::{say, tell};

/// Runs the command.
pub(crate) fn run(args: &GenArgs) -> Result<(), Failure> {
    let options = CityOptions {
        signals: args.signals,
        seed: args.seed,
        span_s: args.span,
        start_of_day_s: time_of_day(&args.from)?,
        load: args.load,
        ..CityOptions::default()
    };
    let city = City::generate(&options)?;
    std::fs::create_dir_all(&args.out).map_err(|e| io(&args.out, "cannot create", &e))?;
    write(&args.out, "roadnet.json", &city.network_json)?;
    write(&args.out, "flow.json", &city.demand_json)?;
    write(&args.out, "city.json", &city.manifest_json)?;
    tell("synthetic city: generated, not observed");
    say(&format!(
        "conurb day --network {0}/roadnet.json --demand {0}/flow.json --span {1}s",
        args.out.display(),
        args.span
    ));
    Ok(())
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = dir.join(name);
    std::fs::write(&path, bytes).map_err(|e| io(&path, "cannot write", &e))
}

/// Seconds after midnight of `HH:MM`.
pub(crate) fn time_of_day(text: &str) -> Result<u32, Failure> {
    let parsed = text.split_once(':').and_then(|(h, m)| {
        let (h, m) = (h.parse::<u32>().ok()?, m.parse::<u32>().ok()?);
        (h < 24 && m < 60).then_some(h * 3600 + m * 60)
    });
    parsed.ok_or_else(|| {
        Failure::plain(
            format!("--from \"{text}\" is no time of day like 07:30"),
            None,
        )
    })
}

/// City options from `signals=N,seed=S,load=L`.
pub(crate) fn options_from_spec(spec: &str, span_s: u32) -> Result<CityOptions, Failure> {
    let mut options = CityOptions {
        span_s,
        ..CityOptions::default()
    };
    for part in spec.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let bad = |why: &str| {
            Failure::plain(
                format!("--gen \"{part}\": {why}"),
                Some("write --gen signals=36,seed=7,load=1.0,from=07:30"),
            )
        };
        let (key, value) = part.split_once('=').ok_or_else(|| bad("no key=value"))?;
        match key {
            "signals" => options.signals = value.parse().map_err(|_| bad("no whole number"))?,
            "seed" => options.seed = value.parse().map_err(|_| bad("no whole number"))?,
            "load" => options.load = value.parse().map_err(|_| bad("no number"))?,
            "from" => options.start_of_day_s = time_of_day(value)?,
            _ => return Err(bad("known keys are signals, seed, load, from")),
        }
    }
    Ok(options)
}
