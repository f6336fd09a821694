//! What must hold of an entry before it becomes a line: completeness, and the order of things.

use crate::chain::ID_LEN_MAX;
use crate::{DecideError, DecisionRecord, KpiValue, LedgerEntry, Mode};

/// The approver of decisions whose mode is auto.
pub const POLICY_AUTO: &str = "policy:auto";

/// All of a decision's story that the rules need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) mode: Mode,
    pub(crate) approved: bool,
    pub(crate) rejected: bool,
    pub(crate) overturned: bool,
}

impl Facts {
    pub(crate) const fn new(mode: Mode) -> Self {
        Self {
            mode,
            approved: false,
            rejected: false,
            overturned: false,
        }
    }

    /// What holds after `entry`, or which rule forbids it.
    pub(crate) fn after(mut self, entry: &LedgerEntry) -> Result<Self, &'static str> {
        match entry {
            LedgerEntry::Decided(_) => return Err("it was already decided: the id is taken"),
            LedgerEntry::Approved { approver, .. } => {
                let auto = approver == POLICY_AUTO;
                match self.mode {
                    Mode::Advise => return Err("it is advice only and never becomes an action"),
                    Mode::Approve if auto => return Err("a person must approve it, not a policy"),
                    Mode::Auto if !auto => return Err("its policy approves it, not a person"),
                    Mode::Approve | Mode::Auto => {}
                }
                if self.overturned {
                    return Err("it was overturned");
                }
                if self.rejected {
                    return Err("it was already rejected");
                }
                if self.approved {
                    return Err("it was already approved");
                }
                self.approved = true;
            }
            LedgerEntry::Rejected { .. } => {
                if self.approved {
                    return Err("it was already approved: overturn it instead");
                }
                if self.rejected {
                    return Err("it was already rejected");
                }
                self.rejected = true;
            }
            LedgerEntry::Acted { .. } => {
                if !self.approved {
                    return Err("no action without an approved decision");
                }
            }
            LedgerEntry::Measured { .. } => {}
            LedgerEntry::Overturned { .. } => {
                if self.overturned {
                    return Err("it was already overturned");
                }
                self.overturned = true;
            }
        }
        Ok(self)
    }
}

/// No decision without options, prediction and reason; every figure a number.
pub(crate) fn complete(record: &DecisionRecord) -> Result<(), DecideError> {
    let wrong = |what: String| {
        Err(DecideError::Incomplete {
            id: record.id.clone(),
            what,
        })
    };
    if record.id.is_empty() || record.id.len() > ID_LEN_MAX {
        return wrong(format!("an id has 1 to {ID_LEN_MAX} bytes"));
    }
    if record
        .id
        .chars()
        .any(|c| c.is_control() || c == '"' || c == '\\')
    {
        return wrong("an id holds no quote, backslash or control character".into());
    }
    if record.options.is_empty() {
        return wrong("it has no options".into());
    }
    if record.chosen >= record.options.len() {
        return wrong(format!(
            "it chose option {} of {}",
            record.chosen,
            record.options.len()
        ));
    }
    if record.options.iter().all(|o| o.predicted.is_empty()) {
        return wrong("no option has a prediction".into());
    }
    for (index, option) in record.options.iter().enumerate() {
        if let Some(kpi) = first_not_finite(&option.predicted) {
            return wrong(format!("option {index} predicts no number for {kpi}"));
        }
    }
    if record.why.zh.trim().is_empty() || record.why.en.trim().is_empty() {
        return wrong("its reason must be given in both languages".into());
    }
    Ok(())
}

/// A measurement holds numbers only; a figure that could not be measured is left out.
pub(crate) fn finite(entry: &LedgerEntry) -> Result<(), DecideError> {
    let LedgerEntry::Measured {
        id,
        measured,
        counterfactual,
        ..
    } = entry
    else {
        return Ok(());
    };
    let other = counterfactual.iter().flat_map(|c| &c.values);
    match measured
        .iter()
        .chain(other)
        .find_map(|v| first_not_finite(std::slice::from_ref(v)))
    {
        Some(kpi) => Err(DecideError::Incomplete {
            id: id.clone(),
            what: format!("the measurement of {kpi} is no number"),
        }),
        None => Ok(()),
    }
}

fn first_not_finite(values: &[KpiValue]) -> Option<&str> {
    values
        .iter()
        .find(|v| {
            !v.value.is_finite()
                || v.interval.as_ref().is_some_and(|i| {
                    !(i.low.is_finite() && i.high.is_finite() && i.level.is_finite())
                })
        })
        .map(|v| v.kpi.as_str())
}
