//! Signal control: a decision at every signal each decision interval.
