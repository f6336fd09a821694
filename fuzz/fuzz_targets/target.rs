//! libFuzzer over the target that `CONURB_FUZZ_TARGET` names.

#![no_main]

use std::sync::OnceLock;

use conurb_fuzz::Target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("CONURB_FUZZ_TARGET").unwrap_or_default();
        conurb_fuzz::target(&name).unwrap_or_else(|| {
            let known: Vec<_> = conurb_fuzz::TARGETS.iter().map(|t| t.name).collect();
            panic!(
                "CONURB_FUZZ_TARGET is \"{name}\"; there are: {}",
                known.join(", ")
            )
        })
    });
    (target.run)(bytes);
});
