//! Language selection (RFC 4647 lookup over an Accept-Language list).

use serde_json::{Map, Value};

/// The entry of `map` that fits `wanted` (`fr-CH,fr;q=0.9,*;q=0.5`) best: by weight, then by
/// longest tag; else `@none`, else the first.
pub(crate) fn choose<'m>(
    map: &'m Map<String, Value>,
    wanted: &str,
) -> Option<(&'m str, &'m Value)> {
    let mut ranges: Vec<(&str, f64)> = wanted
        .split(',')
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let tag = parts.next().filter(|t| !t.is_empty())?;
            let weight = parts
                .find_map(|p| p.strip_prefix("q="))
                .map_or(Some(1.0), |q| q.parse::<f64>().ok())?;
            (weight > 0.0).then_some((tag, weight))
        })
        .collect();
    ranges.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (tag, _) in ranges {
        if tag == "*" {
            break;
        }
        let mut range = tag;
        loop {
            if let Some((k, v)) = map.iter().find(|(k, _)| k.eq_ignore_ascii_case(range)) {
                return Some((k, v));
            }
            match range.rsplit_once('-') {
                Some((shorter, _)) => range = shorter,
                None => break,
            }
        }
    }
    map.get_key_value("@none")
        .or_else(|| map.iter().next())
        .map(|(k, v)| (k.as_str(), v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_best_language_is_chosen() {
        let Value::Object(map) = json!({"en": "a", "fr": "b", "@none": "c"}) else {
            panic!()
        };
        let tag = |w| choose(&map, w).unwrap().0;
        assert_eq!(tag("fr-CH,en;q=0.5"), "fr");
        assert_eq!(tag("en;q=0.5,fr;q=0.9"), "fr");
        assert_eq!(tag("de"), "@none");
        assert_eq!(tag("de,*;q=0.1"), "@none");
    }
}
