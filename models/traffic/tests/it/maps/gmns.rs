//! GMNS tables to a network.

use conurb_base::Coded as _;
use conurb_traffic::gmns::{Files, read_tables};
use conurb_traffic::{MapNetwork, MapOptions, TrafficError};

use super::draw::turns;

const CONFIG: &str =
    "dataset_name,short_length,long_length,speed,crs\ncross,ft,mile,mph,EPSG:4326\n";
const NODES: &str = "node_id,name,x_coord,y_coord,ctrl_type\n\
    w,,120.148,30.25,\ne,,120.152,30.25,\ns,,120.15,30.248,\nn,,120.15,30.252,\nc,Centre,120.15,30.25,signal\n";
const LINKS: &str = "link_id,from_node_id,to_node_id,directed,facility_type,free_speed,lanes,allowed_uses,geometry\n\
    1,w,c,false,arterial,30,2,\"auto, bike\",\n\
    2,c,e,false,arterial,30,2,auto,\"LINESTRING (120.15 30.25, 120.151 30.2501, 120.152 30.25)\"\n\
    3,s,c,true,local,20,1,,\n4,c,s,true,local,20,1,,\n5,c,n,false,local,20,1,,\n\
    6,s,n,true,sidewalk,,,walk,\n";

fn files(tables: &[(&str, &str)]) -> Files {
    let usual = [
        ("config.csv", CONFIG),
        ("node.csv", NODES),
        ("link.csv", LINKS),
    ];
    let all = usual.iter().chain(tables);
    all.map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

fn read(tables: &[(&str, &str)]) -> Result<MapNetwork, TrafficError> {
    read_tables(&files(tables), "net", &MapOptions::default())
}

#[test]
fn nodes_and_links_are_a_network() {
    let map = read(&[]).unwrap();
    let net = &map.network.network;
    assert_eq!(net.roads().len(), 8);
    let lane = &net.lanes()[net.lane_ix("1_0").unwrap().ix()];
    assert!((lane.max_speed_m_s - 13.411).abs() < 0.001, "30 mph");
    assert!((170.0..193.0).contains(&lane.length_m), "{}", lane.length_m);
    let signal = net.signalised();
    assert_eq!(net.junctions()[signal[0].ix()].id, "c");
    assert_eq!(turns(net, "c").len(), 12);
    let walk = "link not for cars (`allowed_uses`, `facility_type`): left out";
    assert_eq!(map.network.unmodelled.features()[0].feature, walk);
    assert_eq!(map.network.unmodelled.features()[0].first, "net/link.csv:7");
    // The line of the table.
    assert_eq!(net.roads()[net.road_ix("2").unwrap().ix()].points.len(), 3);
}

#[test]
fn movements_say_which_turns_there_are_and_lanes_which_lanes() {
    let movements = "mvmt_id,node_id,ib_link_id,start_ib_lane,end_ib_lane,ob_link_id,start_ob_lane,end_ob_lane,type,ctrl_type\n\
        1,c,1,1,2,2,1,2,thru,signal\n2,c,2,1,,1,1,,thru,signal\n3,c,3,1,1,5,,,thru,signal\n4,c,5,,,4,,,thru,signal\n\
        5,c,1,2,2,4,,,right,signal\n6,c,3,1,1,2,2,2,right,signal\n";
    let map = read(&[("movement.csv", movements)]).unwrap();
    let net = &map.network.network;
    assert_eq!(
        turns(net, "c"),
        ["-2>-1", "-5>4", "1>2", "1>4", "3>2", "3>5"]
    );
    // Lane 2 of the tables is our lane 1.
    let ends: Vec<&str> = net.lanes()[net.lane_ix("1_1").unwrap().ix()]
        .links
        .iter()
        .map(|l| net.lanes()[net.links()[l.ix()].to.ix()].id.as_str())
        .collect();
    assert!(ends.contains(&"4_0") && ends.contains(&"2_1"), "{ends:?}");
    let lanes =
        "lane_id,link_id,lane_num,allowed_uses,width\n1,3,1,auto,12\n2,3,2,auto,12\n3,3,3,bike,5\n";
    let map = read(&[("lane.csv", lanes)]).unwrap();
    let net = &map.network.network;
    let road = &net.roads()[net.road_ix("3").unwrap().ix()];
    assert_eq!(road.lanes.len(), 2);
    assert!((net.lanes()[road.lanes[0].ix()].width_m - 3.6576).abs() < 1e-9);
}

#[test]
fn errors_name_table_line_and_column() {
    let refused = |name: &str, from: &str, to: &str| {
        let mut all = files(&[]);
        let text = String::from_utf8(all[name].clone()).unwrap();
        assert!(text.contains(from), "{from}");
        all.insert(name.to_owned(), text.replacen(from, to, 1).into_bytes());
        let error = read_tables(&all, "net", &MapOptions::default()).unwrap_err();
        assert!(error.remedy().is_some());
        error.to_string()
    };
    for (table, from, to, said) in [
        (
            "node.csv",
            "x_coord",
            "east",
            "net/node.csv:2 at x_coord: the table has no column",
        ),
        (
            "node.csv",
            "120.148",
            "far",
            "net/node.csv:2 at x_coord: \"far\" is no number",
        ),
        (
            "node.csv",
            "120.148",
            "520",
            "net/node.csv:2 at x_coord: 520",
        ),
        (
            "node.csv",
            "\ne,",
            "\nw,",
            "net/node.csv:3 at node_id: node id \"w\" is used twice",
        ),
        (
            "link.csv",
            "1,w,c",
            "1,q,c",
            "net/link.csv:2 at from_node_id: there is no node \"q\"",
        ),
        (
            "link.csv",
            "\n2,",
            "\n1,",
            "net/link.csv:3 at link_id: link id \"1\" is used twice",
        ),
        (
            "link.csv",
            "30,2,",
            "30,1000000,",
            "net/link.csv:2 at lanes: 1000000",
        ),
        (
            "link.csv",
            "30,2,",
            "30,1.5,",
            "net/link.csv:2 at lanes: \"1.5\" is no whole number",
        ),
        (
            "link.csv",
            "30,2,",
            "3000,2,",
            "net/link.csv:2 at free_speed",
        ),
        (
            "link.csv",
            "false",
            "maybe",
            "net/link.csv:2 at directed: \"maybe\"",
        ),
        (
            "link.csv",
            "120.151 30.2501",
            "120.151",
            "net/link.csv:3 at geometry",
        ),
        (
            "config.csv",
            "mph",
            "furlongs",
            "net/config.csv:2 at speed: \"furlongs\"",
        ),
    ] {
        let error = refused(table, from, to);
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn tables_and_movements_that_do_not_fit_are_refused() {
    let mut none = files(&[]);
    none.remove("link.csv");
    let error = read_tables(&none, "net", &MapOptions::default()).unwrap_err();
    assert!(error.to_string().contains("has no link.csv"), "{error}");
    let movement = |row: &str| {
        let text = format!("mvmt_id,node_id,ib_link_id,start_ib_lane,ob_link_id,type\n{row}\n");
        read(&[("movement.csv", text.as_str())])
            .unwrap_err()
            .to_string()
    };
    assert!(movement("1,zz,1,1,2,thru").contains("net/movement.csv:2 at node_id"));
    assert!(movement("1,w,3,1,2,thru").contains("does not end at node \"w\""));
    assert!(movement("1,c,1,7,2,thru").contains("is no lane of the link, which has 2"));
}
