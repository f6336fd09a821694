//! Topic filters (MQTT 3.1.1, clause 4.7): `+` is one level, a last `#` the rest.

/// Whether a topic is taken by a filter.
#[must_use]
pub fn topic_matches(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    // Topics of the broker itself are not taken by a leading wildcard (4.7.2).
    if topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')) {
        return false;
    }
    for part in filter.split('/') {
        match (part, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (word, Some(level)) if word == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// What is wrong with a filter, if anything.
pub(crate) fn filter_fault(filter: &str) -> Option<&'static str> {
    if filter.is_empty() || filter.len() > 1024 {
        return Some("must be 1 to 1,024 bytes long");
    }
    let count = filter.split('/').count();
    for (i, part) in filter.split('/').enumerate() {
        if part.contains('#') && (part != "#" || i + 1 != count) {
            return Some("`#` must be the whole of the last level");
        }
        if part.contains('+') && part != "+" {
            return Some("`+` must be the whole of its level");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_take_what_the_standard_says() {
        let yes = [
            ("a/b", "a/b"),
            ("a/+", "a/b"),
            ("#", "a/b"),
            ("a/#", "a"),
            ("a/#", "a/b/c"),
            ("+/+", "/a"),
        ];
        let no = [
            ("a/b", "a"),
            ("a/+", "a/b/c"),
            ("a", "a/b"),
            ("#", "$SYS/x"),
            ("a/+", "a"),
        ];
        assert!(yes.iter().all(|(f, t)| topic_matches(f, t)));
        assert!(no.iter().all(|(f, t)| !topic_matches(f, t)));
        assert!(
            filter_fault("a/#/b").is_some()
                && filter_fault("a/b+").is_some()
                && filter_fault("a/+/#").is_none()
        );
    }
}
