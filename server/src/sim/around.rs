//! What priority and crossings came to, as lines below the table.

use conurb_traffic::control::priority::{PriorityReport, Requests};
use conurb_traffic::crossings::{Served, ServedReport};
use conurb_traffic::metrics::{ClassDelay, ClassDelays};

use super::compare::Controlled;
use crate::out::Lang;

/// The lines of one controller, over all its seeds.
pub(super) fn lines(c: &Controlled, lang: Lang) -> Vec<String> {
    let mut lines = Vec::new();
    if !c.priority.is_empty() {
        let buses = lang.pick("公交车", "buses");
        lines.extend(requests(c, buses, |r| r.bus, |d| d.bus, lang));
        let emergency = lang.pick("紧急车辆", "emergency vehicles");
        lines.extend(requests(
            c,
            emergency,
            |r| r.emergency,
            |d| d.emergency,
            lang,
        ));
        let others = lang.pick("其他车辆", "all others");
        lines.push(format!("  {others}: {}", lost(c, |d| d.others, lang)));
    }
    if !c.crossings.is_empty() {
        lines.extend(crossed(
            c,
            lang.pick("行人", "pedestrians"),
            |r| r.pedestrians,
            lang,
        ));
        lines.extend(crossed(
            c,
            lang.pick("骑行者", "cyclists"),
            |r| r.bicycles,
            lang,
        ));
        let unserved: u32 = c
            .crossings
            .iter()
            .map(|r| r.unserved_crossings)
            .max()
            .unwrap_or(0);
        if unserved > 0 {
            let says = lang.pick(
                "处人行横道没有可通行的相位，其需求未计入",
                "crossings are served by no phase; their demand is left out",
            );
            lines.push(format!("  {unserved} {says}"));
        }
    }
    lines
}

/// One class: what became of its requests, and what it lost.
fn requests(
    c: &Controlled,
    who: &str,
    of: fn(&PriorityReport) -> Requests,
    delay: fn(&ClassDelays) -> ClassDelay,
    lang: Lang,
) -> Option<String> {
    let sum = |pick: fn(&Requests) -> u32| -> u32 {
        c.priority.iter().map(|e| pick(&of(&e.requests))).sum()
    };
    let made = sum(|r| r.made);
    (made > 0).then(|| {
        format!(
            "  {who}: {made} {}: {} {}, {} {}, {} {}, {} {}; {}",
            lang.pick("次请求", "requests"),
            sum(|r| r.in_green),
            lang.pick("次遇绿灯", "met green"),
            sum(|r| r.extended),
            lang.pick("次延长", "extended"),
            sum(|r| r.early),
            lang.pick("次提前", "early"),
            sum(|r| r.refused),
            lang.pick("次未予", "refused"),
            lost(c, delay, lang),
        )
    })
}

/// Time lost a vehicle without and with priority, over all seeds.
fn lost(c: &Controlled, pick: fn(&ClassDelays) -> ClassDelay, lang: Lang) -> String {
    let mean = |of: fn(&crate::control_around::PriorityEffect) -> &ClassDelays| {
        let all = || c.priority.iter().map(|e| pick(of(e)));
        let vehicles: f64 = all().map(|d| f64::from(d.vehicles)).sum();
        all().map(|d| d.lost_s).sum::<f64>() / vehicles.max(1.0)
    };
    format!(
        "{} {:.1} s, {} {:.1} s",
        lang.pick("每车损失时间：无优先", "time lost a vehicle without"),
        mean(|e| &e.without),
        lang.pick("有优先", "with"),
        mean(|e| &e.with),
    )
}

fn crossed(
    c: &Controlled,
    who: &str,
    pick: fn(&ServedReport) -> Served,
    lang: Lang,
) -> Option<String> {
    let all = || c.crossings.iter().map(pick);
    let arrived: u32 = all().map(|s| s.arrived).sum();
    let served: u32 = all().map(|s| s.served).sum();
    let waited_s: f64 = all().map(|s| s.mean_delay_s * f64::from(s.served)).sum();
    let max_s = all().map(|s| s.max_delay_s).fold(0.0, f64::max);
    (arrived > 0).then(|| {
        format!(
            "  {who}: {} {arrived}, {} {served}, {} {:.1} s, {} {max_s:.0} s",
            lang.pick("到达", "came"),
            lang.pick("过街", "crossed"),
            lang.pick("平均延误", "mean delay"),
            waited_s / f64::from(served.max(1)),
            lang.pick("最长", "longest"),
        )
    })
}
