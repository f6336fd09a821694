//! Checks of small things: names (clause 4.6.2), URIs (RFC 3986), GeoJSON geometries (RFC 7946).

use crate::json::Node;

/// Whether `name` fits the grammar of clause 4.6.2 without its prefix; the hyphened names of the
/// actuation convention (`x-STATUS`, `x-RESULT`) are let through.
pub(crate) fn is_name(name: &str) -> bool {
    let stem = name
        .strip_suffix("-STATUS")
        .or_else(|| name.strip_suffix("-RESULT"))
        .unwrap_or(name);
    let mut chars = stem.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether `text` is an absolute URI: a scheme, a colon, something, and no blank or bracket that
/// a URI cannot hold (letters beyond ASCII are let through, as IRIs have them).
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let mut s = scheme.bytes();
    s.next().is_some_and(|b| b.is_ascii_alphabetic())
        && s.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && text.len() <= 4096
        && rest.bytes().all(|b| {
            b > b' '
                && b != 0x7f
                && !matches!(
                    b,
                    b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`'
                )
        })
}

/// Whether `type` is that of a geometry the standard takes (no GeometryCollection).
pub(crate) fn is_geometry_type(name: &str) -> bool {
    matches!(
        name,
        "Point" | "MultiPoint" | "LineString" | "MultiLineString" | "Polygon" | "MultiPolygon"
    )
}

/// Says what is wrong with a GeoJSON geometry.
pub(crate) fn check_geometry(node: &Node<'_>) -> Result<(), String> {
    let Some(kind) = node.get("type").and_then(Node::as_str) else {
        return Err("a geometry needs a type".into());
    };
    let Some(coordinates) = node.get("coordinates") else {
        return Err("a geometry needs coordinates".into());
    };
    match kind {
        "Point" => position(coordinates),
        "MultiPoint" => each(coordinates, 1, position),
        "LineString" => each(coordinates, 2, position),
        "MultiLineString" => each(coordinates, 1, |l| each(l, 2, position)),
        "Polygon" => polygon(coordinates),
        "MultiPolygon" => each(coordinates, 1, polygon),
        other => Err(format!("{other} is no geometry type NGSI-LD takes")),
    }
}

fn position(node: &Node<'_>) -> Result<(), String> {
    let fits = node.as_array().is_some_and(|a| {
        matches!(a.len(), 2 | 3) && a.iter().all(|n| matches!(n, Node::Number(_)))
    });
    if !fits {
        return Err("a position is [longitude, latitude] or [longitude, latitude, height]".into());
    }
    Ok(())
}

fn each(
    node: &Node<'_>,
    least: usize,
    check: impl Fn(&Node<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let items = node.as_array().ok_or("coordinates are nested too little")?;
    if items.len() < least {
        return Err(format!("at least {least} positions are needed here"));
    }
    items.iter().try_for_each(check)
}

fn polygon(node: &Node<'_>) -> Result<(), String> {
    each(node, 1, |ring| {
        each(ring, 4, position)?;
        let points = ring.as_array().unwrap_or_default();
        if points.first() != points.last() {
            return Err("a polygon's ring must end where it starts".into());
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_json;

    #[test]
    fn names_follow_the_grammar() {
        for good in ["a", "speed", "a1_b", "速度", "start-STATUS"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "1a", "_a", "a b", "a-b", "a.b", "-RESULT"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn uris_need_a_scheme_and_no_blanks() {
        for good in ["urn:ngsi-ld:X:1", "https://a.b/c?d#e", "a+b:c"] {
            assert!(is_uri(good), "{good}");
        }
        for bad in ["", "x", "urn:", ":x", "1a:b", "urn:a b", "urn:<a>"] {
            assert!(!is_uri(bad), "{bad}");
        }
    }

    #[test]
    fn geometries_are_checked() {
        let ok = |t: &str| check_geometry(&parse_json(t.as_bytes()).unwrap()).is_ok();
        assert!(ok(r#"{"type":"Point","coordinates":[1,2]}"#));
        assert!(ok(
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#
        ));
        assert!(!ok(
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#
        ));
        assert!(!ok(r#"{"type":"Point","coordinates":["1",2]}"#));
        assert!(!ok(r#"{"type":"LineString","coordinates":[[1,2]]}"#));
        assert!(!ok(r#"{"type":"GeometryCollection","geometries":[]}"#));
    }
}
