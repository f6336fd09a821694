//! A decision read to a person.

use conurb_base::TimeMs;
use conurb_decide::{Counterfactual, KpiValue, Lang, LedgerEntry, Mode, command_id, explain};

use crate::support::{auto, ledger, record};

#[test]
fn a_whole_story_is_told_in_both_languages() {
    let (ledger, _) = ledger();
    let [decided, approved] = auto(4, 0);
    let id = decided.id().to_owned();
    let at = TimeMs(1_772_000_000_000);
    let kpi = |value| KpiValue {
        kpi: "delay_veh_s".into(),
        value,
        interval: None,
    };
    ledger
        .append(&[
            decided,
            approved,
            LedgerEntry::Acted {
                id: id.clone(),
                acted_at: at,
                command_id: command_id(&id, 1),
                receipt: "accepted".into(),
                detail: String::new(),
            },
            LedgerEntry::Measured {
                id: id.clone(),
                measured_at: at.plus_s(15),
                measured: vec![kpi(39.5)],
                counterfactual: Some(Counterfactual {
                    method: "twin rollout of the fixed plan from the same state".into(),
                    values: vec![kpi(55.0)],
                }),
            },
        ])
        .unwrap();
    let d = ledger.read(&id).unwrap().unwrap();
    let en = explain(&d, Lang::En);
    assert_eq!(
        en,
        "\
decision: urn:conurb:decision:testville:signals:urn:ngsi-ld:TrafficLight:4:2026-02-25T06:13:20Z
about: urn:ngsi-ld:TrafficLight:4 (scenario signals, city testville)
status: measured
decided at: 2026-02-25T06:13:20Z
seen: 1 entities, the newest observed at 2026-02-25T06:13:19.2Z
  - urn:ngsi-ld:TrafficLight:4 @2026-02-25T06:13:19.2Z
asked for by: none; the decision interval was over
model: signals.local-twin version 1, seed 7, information level LD, inputs "
            .to_owned()
            + &d.record.inputs.hash
            + "
options: 2
-> 1. {\"phase\":1} | delay_veh_s = 41.25 [39.75, 42.75] (90 %, residual quantiles, n = 40)
   2. {\"phase\":3} | delay_veh_s = 17.5 [16, 19] (90 %, residual quantiles, n = 40) [refused by: min_green_s]
why: the running phase has not had its shortest green
mode: auto (sent at once, inside its envelope)
approved by: policy:auto @2026-02-25T06:13:20Z
command: urn:conurb:command:testville:signals:urn:ngsi-ld:TrafficLight:4:2026-02-25T06:13:20Z:1 accepted @2026-02-25T06:13:20Z
effect: delay_veh_s = 39.5 (interval not measured) @2026-02-25T06:13:35Z
without it: delay_veh_s = 55 (interval not measured) (twin rollout of the fixed plan from the same state)
"
    );
    let zh = explain(&d, Lang::Zh);
    assert_eq!(zh.lines().count(), en.lines().count());
    for word in [
        "当前相位未满最短绿灯",
        "被约束否决:min_green_s",
        "效果: delay_veh_s = 39.5",
    ] {
        assert!(zh.contains(word), "{word} in {zh}");
    }
}

#[test]
fn what_did_not_happen_is_said() {
    let (ledger, _) = ledger();
    let r = record(1, 0, Mode::Advise);
    ledger
        .append(&[LedgerEntry::Decided(Box::new(r.clone()))])
        .unwrap();
    let text = explain(&ledger.read(&r.id).unwrap().unwrap(), Lang::En);
    for line in [
        "command: none was sent",
        "effect: not measured",
        "without it: not measured",
        "status: advised",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
    assert_eq!(Lang::from_tag("zh-CN"), Some(Lang::Zh));
    assert_eq!(Lang::from_tag("de"), None);
}
