//! `.osm.pbf` says the same as XML.

use conurb_traffic::MapOptions;
use conurb_traffic::osm::read_map;

use super::draw::{Draw, block, cross};

fn draw() -> Draw {
    cross(
        "highway=traffic_signals",
        "highway=primary lanes=4 name=Main+Street",
        "highway=tertiary",
    )
    .ban(7, (11, 5, 22), "no_left_turn")
}

#[test]
fn blocks_of_every_form_give_the_network_of_the_xml() {
    let draw = draw();
    let xml = draw.read();
    for (dense, zlib) in [(true, true), (true, false), (false, true), (false, false)] {
        let bytes = draw.pbf(dense, zlib);
        let map = read_map(&bytes, "map.osm.pbf", &MapOptions::default()).unwrap();
        assert_eq!(
            map.network.file, xml.network.file,
            "dense {dense}, zlib {zlib}"
        );
    }
}

#[test]
fn every_cut_of_a_file_is_an_error_with_a_place() {
    let bytes = draw().pbf(true, false);
    let whole = read_map(&bytes, "map.osm.pbf", &MapOptions::default());
    assert!(whole.is_ok());
    for cut in 0..bytes.len() {
        let error = read_map(&bytes[..cut], "map.osm.pbf", &MapOptions::default()).unwrap_err();
        assert!(
            error.to_string().starts_with("map.osm.pbf"),
            "{cut}: {error}"
        );
    }
}

#[test]
fn other_files_and_packings_are_refused() {
    let refused = |bytes: &[u8]| {
        let read = read_map(bytes, "map.osm.pbf", &MapOptions::default());
        read.unwrap_err().to_string()
    };
    assert!(refused(b"<osm/>").contains("is XML"));
    assert!(refused(b"no map at all").contains("header"));
    assert!(refused(&block("OSMData", b"", false)).contains("OSMHeader"));
    let mut header = super::draw::Message::default();
    header.text(4, b"LocationsOnMars");
    assert!(refused(&block("OSMHeader", &header.0, true)).contains("LocationsOnMars"));
    // A block that unpacks to more than the format allows.
    let bomb = block("OSMHeader", &vec![0; 40 << 20], true);
    assert!(refused(&bomb).contains("limit"), "{}", refused(&bomb));
}
